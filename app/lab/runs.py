"""Runs that the application starts, one at a time; anybody may watch.

Several processes serve the same installation. What they know of a run is in its files.
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from app.config import VARIABLES
from app.lab.experiments import CLAIMS
from app.lab.results import Result
from app.lab.run_files import RunFiles, result_of
from backends import BACKENDS

MODULE = "app.lab.recorded_run"

Event = Mapping[str, Any]


class Stage(StrEnum):
    RUNNING = "running"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True)
class Run:
    """How far the last run is."""

    id: str
    stage: Stage
    total: int
    """Of its results, once it has ended."""
    results: list[Result]
    because: str = ""
    """Why it failed, in one line."""


class Runs:
    """The runs of one installation, kept in `folder`.

    `redis_url` is the server that subjects which need Redis run on, beside the sessions of others.
    """

    def __init__(
        self,
        folder: Path,
        redis_url: str | None = None,
        command: Sequence[str] = (sys.executable, "-m", MODULE),
    ) -> None:
        self.files = RunFiles(folder.resolve())
        self._redis_url = redis_url
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> bool:
        """Start a run; `False` where one is under way. Raises `OSError` where none can be kept."""
        lock = self.files.take_lock()
        if lock is None:
            return False
        self.forget()
        try:
            self.files.begin(secrets.token_hex(4), len(CLAIMS) * len(BACKENDS))
            self._process = self._started(lock)
        finally:
            os.close(lock)  # the run's own process holds it now, until it ends
        return True

    def forget(self) -> None:
        """End the run that was started here, if it has not ended, and wait until it is gone."""
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()

    def last(self) -> Run | None:
        """The run under way, or the last one; `None` before the first."""
        events = self._events()
        if self._process is not None:
            self._process.poll()  # or one that has ended stays in the list of processes
        if not events:
            return None
        begun, *_ = events
        results = [result_of(event) for event in events if event["event"] == "result"]
        stage, because = Stage.RUNNING, ""
        with suppress(ValueError):
            stage, because = Stage(events[-1]["event"]), events[-1].get("because", "")
        return Run(begun["run"], stage, begun["total"], results, because)

    def _events(self) -> list[Event]:
        """The progress; with an end to it, where the run's process ended without a word."""
        is_locked = self.files.is_locked  # first: what is written before it is free is read then
        events: list[Event] = list(self.files.events())
        is_over = not events or events[-1]["event"] in (Stage.ENDED, Stage.FAILED)
        if is_locked or is_over:
            return events
        return [*events, {"event": Stage.FAILED, "because": self._last_words()}]

    def _last_words(self) -> str:
        try:
            lines = self.files.errors.read_text(errors="replace").split("\n")
        except OSError:
            lines = []
        said = [line for line in lines if line.strip()]
        return said[-1] if said else "Its process was ended before it was done."

    def _started(self, lock: int) -> "subprocess.Popen[bytes]":
        with self.files.errors.open("wb") as errors:
            return subprocess.Popen(  # noqa: S603 - all of it is ours
                [*self._command, str(self.files.folder)],
                env=self._environment(),
                stdin=subprocess.PIPE,  # never written to: it ends when this process does
                stdout=errors,
                stderr=errors,
                pass_fds=(lock,),
                start_new_session=True,
            )

    def _environment(self) -> dict[str, str]:
        """Ours, without the settings of the application: a subject has its own."""
        settings = {variable.name for variable in VARIABLES}
        foreign = {name: value for name, value in os.environ.items() if name not in settings}
        return {**foreign, **({"REDIS_URL": self._redis_url} if self._redis_url else {})}
