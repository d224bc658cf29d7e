"""A process at a terminal of its own."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.support.services import PATIENCE


class Ended(NamedTuple):
    """What a process wrote to its terminal, and its exit status."""

    output: str
    status: int


def run_at_terminal(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], lines: int
) -> Ended:
    """Run the command in a terminal with so many lines; nobody types."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", lines, 200, 0, 0))
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=its, stdout=its, stderr=its
    )
    os.close(its)
    output, deadline = "", time.monotonic() + PATIENCE
    try:
        while (data := _read(ours, deadline)) is not None:
            output += data
        return Ended(output.replace("\r\n", "\n"), process.wait(PATIENCE))
    finally:
        os.close(ours)
        if process.poll() is None:
            process.kill()
            process.wait()


def _read(terminal: int, deadline: float) -> str | None:
    """What was written next; `None` once nobody has the terminal open any more."""
    ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
    if not ready:
        raise TimeoutError("the process neither writes nor ends")
    try:
        return os.read(terminal, 65536).decode(errors="replace") or None
    except OSError:  # Linux's way to say it
        return None
