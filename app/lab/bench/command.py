"""`session-lab bench`: measure, with the time left, and write the report."""

import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.progress import TextColumn, TimeRemainingColumn

from app.lab.bench.candidate import Candidate, list_candidates
from app.lab.bench.report import FORMATS, print_bench
from app.lab.bench.run import Options, Step, run_bench
from app.lab.output import (
    CannotRun,
    check_writable,
    choose_form,
    errors_on_one_line,
    stop_on_signals,
    write_report,
)
from app.lab.reports.terminal import make_progress, open_console


def run_command(
    options: Options, form: str | None, output: Path | None, *, with_peers: bool
) -> NoReturn:
    """Make a bench, write its report, and exit: with 130 after Ctrl-C.

    Raises `CannotRun` if a file cannot be written, or if the peers are not installed.
    """
    candidates = {**list_candidates(), **(_list_peers() if with_peers else {})}
    form = choose_form(form, output)
    check_writable(output)
    check_writable(options.folder)
    progress = open_console(sys.stderr)
    with stop_on_signals(), errors_on_one_line():
        bench = run_bench(candidates, options, lambda steps: _show_progress(steps, progress))
    with errors_on_one_line(str(output or "Standard output")):
        write_report(bench, FORMATS, print_bench, form, output)
    sys.exit(0 if bench.is_complete else 128 + signal.SIGINT)


def _list_peers() -> dict[str, Candidate]:
    try:
        from app.lab.bench.peers import list_peers  # here, because it needs their packages
    except ImportError as error:
        raise CannotRun(f"{error}: pip install './session-lab[peers]'.") from error
    return list_peers()


def _show_progress(steps: Sequence[Step], to: Console) -> Iterator[Step]:
    """Yield each step; a bar with the time left moves by the seconds that it was said to take."""
    with make_progress(to, TimeRemainingColumn(), TextColumn("left")) as progress:
        bar = progress.add_task("", total=sum(step.seconds for step in steps))
        for step in steps:
            yield step
            progress.advance(bar, step.seconds)
