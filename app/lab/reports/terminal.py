"""A run in the terminal: each claim once it is decided, and all of them at the end."""

import codecs
import errno
import os
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import TextIOWrapper
from typing import TextIO, TypeVar

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from app.lab.claim import CANNOT_APPLY, Claim, Topic, Verdict
from app.lab.measuring import group_by
from app.lab.reports.remedies import describe_remedies
from app.lab.reports.report import ExitStatus, Report, Result, group_by_topic, summarize

STYLES = {
    Verdict.HOLDS: "green",
    Verdict.FAILS: "red",
    Verdict.CANNOT_APPLY: "dim",
    Verdict.SKIPPED: "yellow",
    Verdict.ERROR: "bold red",
}
SURPRISE_STYLE = "bold reverse"

T = TypeVar("T")

DEFAULT_WIDTH = 80
"""Columns of a file that is no terminal."""

VERDICT_WIDTHS = (len(CANNOT_APPLY.signed), len("– cannot"))
"""Columns of a verdict on one line, and of its longest part on two."""

MIN_CLAIM_WIDTH = 11
"""Columns below which a claim's name could not be read."""

ASCII = {"’": "'", "“": '"', "”": '"', "–": "-", "·": "-", "…": "...", "✓": " ", "✗": " ", "○": " "}
"""Replacements for an encoding that lacks a character; a verdict has its word beside its sign."""


class _Console(Console):
    """Raises BrokenPipeError instead of exiting the process."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def open_console(file: TextIO) -> Console:
    """A console that writes to the file: without escape codes unless it is a terminal.

    What the file's encoding lacks is written in ASCII.
    """
    if isinstance(file, TextIOWrapper):
        file.reconfigure(errors=_replace_with_ascii.__name__)
    width = None if file.isatty() else DEFAULT_WIDTH
    return _Console(file=file, width=width, highlight=False, markup=False, emoji=False)


def _replace_with_ascii(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    lacking = error.object[error.start : error.end]
    return "".join(ASCII.get(character, "?") for character in lacking), error.end


codecs.register_error(_replace_with_ascii.__name__, _replace_with_ascii)


def print_results(
    results: Iterable[Result], claims: Sequence[Claim], subjects: Sequence[str], to: Console
) -> Iterator[Result]:
    """Print each claim as soon as it is decided on every subject; yield each result."""
    by_id = {claim.id: claim for claim in claims}
    found: defaultdict[str, list[Result]] = defaultdict(list)
    columns = MofNCompleteColumn(), TextColumn("experiments"), TimeElapsedColumn()
    with make_progress(to, *columns) as progress:
        bar = progress.add_task("", total=len(claims) * len(subjects))
        for result in results:
            found[result.claim].append(result)
            if len(found[result.claim]) == len(subjects):
                in_order = sorted(found[result.claim], key=lambda one: subjects.index(one.subject))
                to.print(_format_claim(by_id[result.claim], in_order), "")
            progress.advance(bar)
            yield result


def make_progress(to: Console, *columns: ProgressColumn) -> Progress:
    """A bar over the whole width of a terminal, which is gone at its end."""
    bar = BarColumn(bar_width=None)
    shown = to.is_terminal
    return Progress(bar, *columns, console=to, transient=True, expand=True, disable=not shown)


def _format_claim(claim: Claim, results: Sequence[Result]) -> RenderableType:
    """The claim, and below it each outcome with the subjects that share it."""
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column(width=VERDICT_WIDTHS[0])
    lines.add_column()
    for (verdict, figure, surprise), alike in group_by(results, _describe_outcome).items():
        line = Text(_join_subjects(alike) + (f": {figure}" if figure else ""))
        lines.add_row(_format_verdict(verdict), line.append(surprise, SURPRISE_STYLE))
    return Group(Text(claim.id, "bold"), Text(claim.sentence, "italic"), Padding.indent(lines, 2))


def _describe_outcome(result: Result) -> tuple[Verdict, str, str]:
    reason = "" if result.is_conclusive else result.because
    surprise = f" (surprise: {result.expected} was expected)" if result.is_surprise else ""
    return result.verdict, result.figure or reason, surprise


def _join_subjects(results: Iterable[Result]) -> str:
    return ", ".join(result.subject for result in results)


def _format_verdict(verdict: Verdict) -> Text:
    return Text(verdict.signed, STYLES[verdict])


def print_report(report: Report, to: Console, options: Sequence[str] = ()) -> None:
    """Print the matrix, then what `print_closing` prints."""
    for topic, claims in group_by_topic(report.claims).items():
        ids = [claim.id for claim in claims]
        for subjects in split_columns(report.subjects, _measure_least, to.width - MIN_CLAIM_WIDTH):
            to.print(_make_table(report, topic.heading, ids, subjects, to.width), "")
    print_closing(report, to, options)


def split_columns(
    columns: Sequence[T], measure: Callable[[T], int], room: int
) -> list[Sequence[T]]:
    """The columns of each table: in halves, and these in halves, where all have no room."""
    if len(columns) == 1 or sum(map(measure, columns)) <= room:
        return [columns]
    half = (len(columns) + 1) // 2
    halves = columns[:half], columns[half:]
    return [part for each in halves for part in split_columns(each, measure, room)]


def _measure_least(subject: str) -> int:
    return _measure(subject, VERDICT_WIDTHS[-1]) + 1


def _measure(subject: str, verdict: int) -> int:
    """The columns that a subject's verdicts and its name need, which may break at its hyphens."""
    return max(verdict, *map(len, break_head(subject).split()))


def break_head(name: str) -> str:
    """On more lines, after its hyphens and in place of its spaces."""
    return name.replace("-", "-\n").replace(" ", "\n")


def _make_table(
    report: Report, title: str, claims: Sequence[str], subjects: Sequence[str], width: int
) -> Table:
    """A row for each claim: on one line if there is room."""
    ids, headings = (each.id for each in report.claims), (topic.heading for topic in Topic)
    longest = max(map(len, (*ids, *headings)))
    for verdict in VERDICT_WIDTHS:
        widths = [_measure(subject, verdict) for subject in subjects]
        room = width - sum(widths) - len(widths)
        if longest <= room:
            break
    first = min(longest, max(room, MIN_CLAIM_WIDTH))
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    heads = map(break_head, subjects)
    for head, column in zip((title, *heads), (first, *widths), strict=True):
        table.add_column(head, width=column, overflow="fold")
    for claim in claims:
        cells = (_format_cell(report.result(claim, subject)) for subject in subjects)
        table.add_row(_break_name(claim, first), *cells)
    return table


def _break_name(claim: str, width: int) -> str:
    """The claim's id on lines that end with an underscore, which rich would break anywhere."""
    lines = textwrap.wrap(claim.replace("_", "-"), width, subsequent_indent="  ")
    return "\n".join(lines).replace("-", "_")


def _format_cell(result: Result | None) -> Text:
    if result is None:
        return Text("")
    mark = " !" if result.is_surprise else ""
    return _format_verdict(result.verdict).append(mark, SURPRISE_STYLE)


def print_closing(report: Report, to: Console, options: Sequence[str]) -> None:
    """Print surprises, errors and skips with their reasons, and one line on the whole.

    `options`: those of this run, for the command that repeats a part of it.
    """
    errors, skipped = (report.with_verdict(verdict) for verdict in (Verdict.ERROR, Verdict.SKIPPED))
    for title, style, results in (
        ("Surprises", SURPRISE_STYLE, report.surprises),
        ("Errors", STYLES[Verdict.ERROR], errors),
        ("Skipped", STYLES[Verdict.SKIPPED], skipped),
    ):
        if results:
            to.print(Text(title, style), _format_reasons(results), "")
    if report.exit_status is not ExitStatus.AS_EXPECTED:
        claims = dict.fromkeys(result.claim for result in (*report.surprises, *errors))
        command = ("session-lab compare", *options, *(f"--only {claim}" for claim in claims))
        to.print(Text(f"Again: {' '.join(command)}\n"), soft_wrap=True)
    for title, changes in describe_remedies(report.remedies).items():
        parts = [
            part
            for each in changes
            for part in (Text(each.what), Padding.indent(Text(each.text), 2))
        ]
        to.print(Text(title, "bold"), Padding.indent(Group(*parts), 2), "")
    to.print(summarize(report), soft_wrap=True)


def _format_reasons(results: Sequence[Result]) -> RenderableType:
    """Which claims, on which subjects, and why; a reason that several share is printed once."""
    parts: list[RenderableType] = []
    for reason, alike in group_by(results, _describe_reason).items():
        for claim, same_claim in group_by(alike, lambda result: result.claim).items():
            parts.append(Text(f"{claim} on {_join_subjects(same_claim)}", "bold"))
        parts.append(Padding.indent(Text(reason), 2))
    return Padding.indent(Group(*parts), 2)


def _describe_reason(result: Result) -> str:
    if not result.is_surprise:
        return result.because
    found = f"{result.verdict.signed} ({result.expected} was expected)"
    return f"{': '.join(filter(None, (found, result.figure)))}. {result.because}"
