"""A run of the whole laboratory for the page: `python -m app.lab.recorded_run FOLDER`.

A process of its own, because the laboratory's clock is the whole process's. It ends when its
standard input does, and that is when the process that started it ends, however it ends.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from app.lab.claim import Claim, Verdict
from app.lab.comparison import compare
from app.lab.experiments import CLAIMS
from app.lab.reports.report import Report, Result
from app.lab.run_files import RunFiles
from app.lab.subject.application import CreateApp
from backends import BACKENDS, Backend

NICENESS = 10
"""Whoever serves pages meanwhile goes first."""

PATIENCE = 5
"""Seconds for the experiments under way, when the process that started the run has ended."""


def record(
    files: RunFiles, create_app: CreateApp, claims: Sequence[Claim], backends: Sequence[Backend]
) -> Report:
    """Try every claim on every backend, note each result as it comes, and keep the report."""

    def noted(results: Iterable[Result]) -> Iterator[Result]:
        for result in results:
            files.add_result(result)
            yield result

    report = compare(
        create_app,
        claims,
        backends,
        redis_url=os.environ.get("REDIS_URL") or None,
        in_chromium=False,
        watch=noted,
    )
    files.keep(report)
    files.add(
        "ended",
        seconds=report.about.seconds,
        surprises=sum(result.is_surprise for result in report.results),
        errors=sum(result.verdict is Verdict.ERROR for result in report.results),
    )
    return report


def main(folder: Path) -> None:
    from app import create_app

    files = RunFiles(folder)
    try:
        record(files, create_app, list(CLAIMS.values()), list(BACKENDS.values()))
    except KeyboardInterrupt:
        files.add("failed", because="The server that started it was stopped.")
    except Exception as error:
        files.add("failed", because=f"{type(error).__name__}: {error}".partition("\n")[0])
        raise


def _end_with_standard_input() -> None:
    def wait() -> None:
        sys.stdin.read()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        time.sleep(PATIENCE)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    os.nice(NICENESS)
    _end_with_standard_input()
    main(Path(sys.argv[1]))
