"""What a run of the laboratory that the application started leaves in its folder.

One process writes it, and any number reads it while it grows.
"""

import fcntl
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.lab.claim import Verdict
from app.lab.results import Report, Result, dumped

TRIES = 10
"""Of the lock: somebody who only looks whether it is taken holds it for an instant."""


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
        for _ in range(TRIES):
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
        self._replace(self.report, dumped(report))

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
