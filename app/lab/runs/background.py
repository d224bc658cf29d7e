"""Runs that the application starts in the background, one at a time.

A run is a process of its own, `python -m app.lab.runs.background FOLDER`, because experiments set
the clock of their whole process. It ends when its standard input is closed, and so when the process
that started it ends, even if that is killed. All processes of an installation read its progress
from its files.
"""

import fcntl
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from app.lab.claim import Claim
from app.lab.experiments import CLAIMS
from app.lab.measuring import read_last_line, write_whole
from app.lab.reports.report import Report, Result, dump_by_line, read_report, shorten_report
from app.lab.subject.evidence import MAX_EXCHANGES, Evidence
from backends import BACKENDS, Backend

if TYPE_CHECKING:
    from app.lab.subject.source import RunOptions

MODULE = "app.lab.runs.background"

NICENESS = 10
"""Requests for pages go before the experiments of a run."""

CLEANUP_TIMEOUT_SECONDS = 5
"""For the experiments under way, when the process that started the run has ended."""

POLL_SECONDS = 0.2
"""Between two looks whether a run was asked to stop."""

MAX_LOCK_ATTEMPTS = 10
"""A process that only checks whether the lock is free holds it for an instant."""


class Stage(StrEnum):
    RUNNING = "running"
    ENDED = "ended"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class RunProgress:
    id: str
    stage: Stage
    total: int
    """The number of its results at the end."""
    results: list[Result]
    """The results so far, without their evidence."""
    because: str = ""
    """Why it failed, in one line."""
    claim: str | None = None
    """The one claim that it tries; `None` for all."""


class RunFiles:
    """The files of the last run in `folder`: its lock, progress, report and errors.

    The progress is JSON lines, each with an `event`: `begun`, then `result` for each result, then
    `ended`, `failed` or `stopped`. After a killed run that last line is missing, and the lock is
    free. A file `stop` asks the run to end, whichever process it was started by.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.report = folder / "report.json"
        self.errors = folder / "errors.log"
        self._lock = folder / "lock"
        self._progress = folder / "progress.jsonl"
        self._stop = folder / "stop"
        self._again = folder / "again"

    def take_lock(self) -> int | None:
        """A descriptor that holds the lock until it is closed; `None` if it is taken.

        Creates the folder. Raises `OSError` if nothing can be written there.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        for _ in range(MAX_LOCK_ATTEMPTS):
            if _try_lock(descriptor, fcntl.LOCK_EX):
                return descriptor
            time.sleep(0.01)
        os.close(descriptor)
        return None

    @property
    def is_locked(self) -> bool:
        """Whether a run is under way, in any process."""
        try:
            descriptor = os.open(self._lock, os.O_RDONLY)
        except OSError:
            return False
        try:
            return not _try_lock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def begin(self, run: str, total: int, claim: str | None = None) -> None:
        """Replace the progress of the last run by that of a new one, of all claims or of one."""
        self._stop.unlink(missing_ok=True)
        line = json.dumps({"event": "begun", "run": run, "total": total, "claim": claim})
        write_whole(self._progress, f"{line}\n")

    def ask_to_stop(self) -> None:
        """Ask the run that is under way to end; without one, do nothing."""
        if self.is_locked:
            self._stop.touch()

    @property
    def is_asked_to_stop(self) -> bool:
        """Whether the last run was asked to end before it was done."""
        return self._stop.exists()

    def add(self, event: str, **data: Any) -> None:
        with self._progress.open("a") as file:
            file.write(json.dumps({"event": event, **data}) + "\n")

    def add_result(self, result: Result) -> None:
        """Add a result without its evidence, which is in the report at the end."""
        self.add("result", **msgspec.to_builtins(replace(result, evidence=Evidence())))

    def save_report(self, report: Report) -> None:
        """Replace the report of the last run, in one step; what was run again before is over."""
        write_whole(self.report, dump_by_line(report))
        shutil.rmtree(self._again, ignore_errors=True)

    def save_again(self, report: Report) -> None:
        """Keep the report of one claim beside that of the last run."""
        self._again.mkdir(exist_ok=True)
        write_whole(self._again / f"{report.claims[0].id}.json", dump_by_line(report))

    def read_again(self, claim: str) -> Report | None:
        """The report of a claim that was run again since the last run of all."""
        try:
            return read_report(self._again / f"{claim}.json")
        except (OSError, ValueError):  # none, or written by another version of this program
            return None

    def list_again(self) -> list[Report]:
        """The reports of all claims that were run again."""
        found = (self.read_again(path.stem) for path in sorted(self._again.glob("*.json")))
        return [report for report in found if report is not None]

    def events(self) -> list[dict[str, Any]]:
        """The complete lines of the progress so far; none of a file that cannot be read."""
        try:
            text = self._progress.read_text(encoding="utf-8")
            return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
        except (OSError, ValueError):  # there is none, or a full disk has cut a line
            return []


class BackgroundRunner:
    """Starts the runs of one installation, whose files are in `folder`."""

    def __init__(
        self, folder: Path, command: Sequence[str] = (sys.executable, "-m", MODULE)
    ) -> None:
        self.files = RunFiles(folder.resolve())
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, claim: str | None = None) -> bool:
        """Start a run of all claims or of one; `False` if a run is under way.

        Raises `OSError` if it cannot write.
        """
        lock = self.files.take_lock()
        if lock is None:
            return False
        self.stop()
        try:
            total = (1 if claim else len(CLAIMS)) * len(BACKENDS)
            self.files.begin(secrets.token_hex(4), total, claim)
            self._process = self._start_process(lock, claim)
        finally:
            os.close(lock)  # the run's own process holds it now, until it ends
        return True

    def stop(self) -> None:
        """End the run that was started here, and wait until its process has exited."""
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()

    def progress(self) -> RunProgress | None:
        """The progress of the current or the last run; `None` before the first."""
        if self._process is not None:
            self._process.poll()  # otherwise a process that has ended stays as a zombie
        is_locked = self.files.is_locked  # read first: a run writes its end before it unlocks
        events = self.files.events()
        if not events or events[0]["event"] != "begun":  # a file that was deleted meanwhile
            return None
        begun = events[0]
        found = [each for each in events if each["event"] == "result"]
        try:
            results = msgspec.convert(found, list[Result])
        except msgspec.ValidationError:  # written by another version of this program
            return None
        stage, because = self._find_stage(events[-1], is_locked=is_locked)
        return RunProgress(
            begun["run"], stage, begun["total"], results, because, begun.get("claim")
        )

    def _find_stage(self, last: dict[str, Any], *, is_locked: bool) -> tuple[Stage, str]:
        """The stage of the run with this last event, and why it failed."""
        if last["event"] in (Stage.ENDED, Stage.FAILED, Stage.STOPPED):
            return Stage(last["event"]), last.get("because", "")
        if is_locked:
            return Stage.RUNNING, ""
        if self.files.is_asked_to_stop:
            return Stage.STOPPED, ""
        error = read_last_line(self.files.errors)
        return Stage.FAILED, error or "Its process was ended before it was done."

    def _start_process(self, lock: int, claim: str | None) -> "subprocess.Popen[bytes]":
        with self.files.errors.open("wb") as errors:
            return subprocess.Popen(  # noqa: S603 - of a request only the name of a claim
                [*self._command, str(self.files.folder), *([claim] if claim else [])],
                stdin=subprocess.PIPE,  # never written to: it is closed when this process ends
                stdout=errors,
                stderr=errors,
                pass_fds=(lock,),
                start_new_session=True,
            )


def _try_lock(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def record_run(
    files: RunFiles, claims: Sequence[Claim], backends: Sequence[Backend], options: "RunOptions"
) -> Report:
    """Try every claim on every backend; record each result, then the report."""
    # Imported here: the pages of the application import this module, and run no experiment.
    from app.lab.runs.runner import compare

    def record_results(results: Iterable[Result]) -> Iterator[Result]:
        for result in results:
            files.add_result(result)
            yield result

    report = compare(claims, backends, options, watch=record_results)
    # As the report that comes with the program, so that both are read alike.
    kept = shorten_report(report, MAX_EXCHANGES)
    (files.save_again if len(claims) == 1 else files.save_report)(kept)
    files.add("ended")
    return report


def main(folder: Path, claim: str | None = None) -> None:
    from app import create_app
    from app.lab.runs.runner import make_options

    files = RunFiles(folder)
    options = make_options(create_app, in_chromium=False)
    try:
        claims = [CLAIMS[claim]] if claim else list(CLAIMS.values())
        record_run(files, claims, list(BACKENDS.values()), options)
    except KeyboardInterrupt:
        if files.is_asked_to_stop:
            files.add("stopped")
        else:
            files.add("failed", because="The server that started it was stopped.")
    except Exception as error:
        files.add("failed", because=f"{type(error).__name__}: {error}".partition("\n")[0])
        raise


def _end_when_told(files: RunFiles) -> None:
    """End with the process that started the run, when asked to stop, and at a signal."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    threading.Thread(target=_wait_for_end, args=(files,), daemon=True).start()


def _wait_for_end(files: RunFiles) -> None:
    is_closed = False
    while not (is_closed or files.is_asked_to_stop):
        is_closed = bool(select.select([sys.stdin], [], [], POLL_SECONDS)[0])
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    time.sleep(CLEANUP_TIMEOUT_SECONDS)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    os.nice(NICENESS)
    _end_when_told(RunFiles(Path(sys.argv[1])))
    main(Path(sys.argv[1]), *sys.argv[2:])
