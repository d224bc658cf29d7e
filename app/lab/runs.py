"""Runs that the application starts: one at a time, and anybody may watch.

Several processes serve the same installation. What they know of a run is in its files.
"""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from app.config import VARIABLES
from app.lab.experiments import CLAIMS
from app.lab.reports.report import Result
from app.lab.run_files import RunFiles, result_of
from backends import BACKENDS

MODULE = "app.lab.recorded_run"

MOST_FOLLOWERS = 2
"""Of a run, in this process: each holds one of the server's eight threads."""

LONGEST_FOLLOWING = 30
"""Seconds; a browser that wants more asks again, and goes on where it was."""

PAUSE = 0.2
"""Seconds between two looks at the progress."""

Event = Mapping[str, Any]

Following = Generator[tuple[str, Event] | None, None, None]
"""Each event with its place; `None` where nothing happened for a while."""


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
        self._followers = BoundedSemaphore(MOST_FOLLOWERS)
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

    def follow(self, after: str = "") -> Following:
        """What happens in the run.

        `after` is the place of the last event that is known already. It stops at the end of the
        run, and sooner where it has lasted long or too many follow: whoever wants more asks again.
        """
        may_wait = self._followers.acquire(blocking=False)
        try:
            until = time.monotonic() + (LONGEST_FOLLOWING if may_wait else 0)
            yield from self._new(after, until)
        finally:
            if may_wait:
                self._followers.release()

    def _new(self, after: str, until: float) -> Following:
        known, _, number = after.partition("-")
        seen = int(number) if number.isascii() and number.isdigit() else 0
        while True:
            events = self._events()
            if not events:
                return
            run = events[0]["run"]
            seen = seen if run == known else 0
            known = run
            for seen, event in enumerate(events[seen:], seen + 1):  # noqa: B020 - goes on from there
                yield f"{run}-{seen}", event
            if events[-1]["event"] in (Stage.ENDED, Stage.FAILED) or time.monotonic() > until:
                return
            yield None
            time.sleep(PAUSE)

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
