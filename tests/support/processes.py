"""Processes for tests, started as a shell starts them."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.services import PATIENCE

PROJECT = Path(__file__).parents[2]

DEFAULT_SIGNALS = ("/usr/bin/env", "--default-signal")
"""Under `nohup` the tests ignore SIGHUP, and a process inherits that."""


def run(
    command: Sequence[str | Path],
    folder: Path = PROJECT,
    environment: Mapping[str, str] | None = None,
    timeout: float | None = 4 * PATIENCE,
) -> "subprocess.CompletedProcess[str]":
    """Run it to its end: its exit status, and what it wrote to its streams."""
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
    )


@contextmanager
def start_group(
    command: Sequence[str], environment: Mapping[str, str]
) -> Iterator["subprocess.Popen[str]"]:
    """A process in a group of its own, with its output in pipes; the group is killed in the end."""
    with subprocess.Popen(
        [*DEFAULT_SIGNALS, *command],
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
