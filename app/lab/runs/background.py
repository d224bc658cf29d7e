"""Runs that the application starts, one at a time; anybody may watch.

A run is a process of its own, `python -m app.lab.runs.background FOLDER`, because the laboratory's
clock is the whole process's. It ends when its standard input does, and that is when the process
that started it ends, however it ends. Several processes serve the same installation: what they
know of a run is in its files.
"""

import fcntl
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.config import VARIABLES
from app.lab.claim import Claim, Verdict
from app.lab.experiments import CLAIMS
from app.lab.reports.report import Report, Result, dump_report
from backends import BACKENDS, Backend

if TYPE_CHECKING:
    from app.lab.subject.source import RunOptions

MODULE = "app.lab.runs.background"

NICENESS = 10
"""The processes that serve pages go first."""

CLEANUP_TIMEOUT_SECONDS = 5
"""For the experiments under way, when the process that started the run has ended."""

MAX_LOCK_ATTEMPTS = 10
"""A process that only asks whether the lock is taken holds it for an instant."""

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


class RunFiles:
    """The files of the last run in `folder`: its lock, its progress, its report, its errors.

    Progress is JSON lines, each with its `event`: `begun` once, `result` for each, and at the end
    `ended` or `failed`. A run that was killed leaves no such end, and its lock is free.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.report = folder / "report.json"
        self.errors = folder / "errors.log"
        self._lock = folder / "lock"
        self._progress = folder / "progress.jsonl"

    def take_lock(self) -> int | None:
        """A descriptor that holds the lock as long as any process has it; `None` if it is taken.

        Makes the folder. Raises `OSError` where nothing can be written.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        for _ in range(MAX_LOCK_ATTEMPTS):
            if _locked(descriptor, fcntl.LOCK_EX):
                return descriptor
            time.sleep(0.01)
        os.close(descriptor)
        return None

    @property
    def is_locked(self) -> bool:
        """Whether a run is under way, in whatever process."""
        try:
            descriptor = os.open(self._lock, os.O_RDONLY)
        except OSError:
            return False
        try:
            return not _locked(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def begin(self, run: str, total: int) -> None:
        """Put the progress of a new run in the place of the last one's."""
        line = json.dumps({"event": "begun", "run": run, "total": total})
        self._replace(self._progress, f"{line}\n")

    def add(self, event: str, **data: Any) -> None:
        with self._progress.open("a") as file:
            file.write(json.dumps({"event": event, **data}) + "\n")

    def add_result(self, result: Result) -> None:
        """Note a result, without its evidence: that is in the report at the end."""
        self.add(
            "result",
            claim=result.claim,
            subject=result.subject,
            verdict=result.verdict,
            expected=result.expected,
            figure=result.figure,
            because=result.because,
            seconds=round(result.seconds, 3),
        )

    def keep(self, report: Report) -> None:
        """Put this report in the place of the last one, whole."""
        self._replace(self.report, dump_report(report))

    def events(self) -> list[dict[str, Any]]:
        """The progress so far; a line that is half written comes with the next reading."""
        try:
            text = self._progress.read_text()
        except OSError:
            return []
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def _replace(self, path: Path, text: str) -> None:
        written = path.with_suffix(".new")
        written.write_text(text, encoding="utf-8")
        written.replace(path)


class Runs:
    """The runs of one installation, kept in `folder`."""

    def __init__(
        self, folder: Path, command: Sequence[str] = (sys.executable, "-m", MODULE)
    ) -> None:
        self.files = RunFiles(folder.resolve())
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
        return [*events, {"event": Stage.FAILED, "because": self._last_error_line()}]

    def _last_error_line(self) -> str:
        try:
            lines = self.files.errors.read_text(errors="replace").split("\n")
        except OSError:
            lines = []
        written = [line for line in lines if line.strip()]
        return written[-1] if written else "Its process was ended before it was done."

    def _started(self, lock: int) -> "subprocess.Popen[bytes]":
        with self.files.errors.open("wb") as errors:
            return subprocess.Popen(  # noqa: S603 - no part of it comes from a request
                [*self._command, str(self.files.folder)],
                env=self._environment(),
                stdin=subprocess.PIPE,  # never written to: it ends when this process does
                stdout=errors,
                stderr=errors,
                pass_fds=(lock,),
                start_new_session=True,
            )

    def _environment(self) -> dict[str, str]:
        """This process's, without the application's settings: a subject has its own."""
        settings = {variable.name for variable in VARIABLES}
        return {name: value for name, value in os.environ.items() if name not in settings}


def result_of(event: Mapping[str, Any]) -> Result:
    """What `add_result` wrote."""
    return Result(
        claim=event["claim"],
        subject=event["subject"],
        verdict=Verdict(event["verdict"]),
        expected=event["expected"] and Verdict(event["expected"]),
        figure=event["figure"],
        because=event["because"],
        seconds=event["seconds"],
    )


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def record(
    files: RunFiles, claims: Sequence[Claim], backends: Sequence[Backend], options: "RunOptions"
) -> Report:
    """Try every claim on every backend, note each result as it comes, and keep the report."""
    # Imported here: the application imports this module, and its pages need no experiments' engine.
    from app.lab.runs.runner import compare

    def noted(results: Iterable[Result]) -> Iterator[Result]:
        for result in results:
            files.add_result(result)
            yield result

    report = compare(claims, backends, options, watch=noted)
    files.keep(report)
    files.add(
        "ended",
        seconds=report.circumstances.seconds,
        surprises=sum(result.is_surprise for result in report.results),
        errors=sum(result.verdict is Verdict.ERROR for result in report.results),
    )
    return report


def main(folder: Path) -> None:
    from app import create_app
    from app.lab.runs.runner import make_options

    files = RunFiles(folder)
    options = make_options(create_app, in_chromium=False)
    try:
        record(files, list(CLAIMS.values()), list(BACKENDS.values()), options)
    except KeyboardInterrupt:
        files.add("failed", because="The server that started it was stopped.")
    except Exception as error:
        files.add("failed", because=f"{type(error).__name__}: {error}".partition("\n")[0])
        raise


def _end_with_standard_input() -> None:
    def wait() -> None:
        sys.stdin.read()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        time.sleep(CLEANUP_TIMEOUT_SECONDS)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    os.nice(NICENESS)
    _end_with_standard_input()
    main(Path(sys.argv[1]))
