"""A run in the terminal: each claim as it is decided, and in the end all of them at a glance."""

import codecs
import errno
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from io import TextIOWrapper
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from app.lab.claim import Claim, Verdict
from app.lab.reports.markdown import DOCUMENT, FIELD
from app.lab.reports.report import ExitStatus, Report, Result, summary

STYLES = {
    Verdict.HOLDS: "green",
    Verdict.FAILS: "red",
    Verdict.CANNOT_APPLY: "dim",
    Verdict.SKIPPED: "yellow",
    Verdict.ERROR: "bold red",
}
STANDS_OUT = "bold reverse"
PLAIN_WIDTH = 80
"""Columns, where there is no terminal that has a width."""

LEAST_CELL = len("– cannot")
"""Columns of a cell that breaks its longest words into lines."""

LEAST_CLAIM = 11
"""Columns below which a claim's name would not be read any more."""


PLAIN = {"’": "'", "“": '"', "”": '"', "–": "-", "·": "-", "…": "...", "✓": " ", "✗": " ", "○": " "}
"""What is written where an encoding lacks it; the word of a verdict does without its sign."""


def console(file: TextIO) -> Console:
    """Writes there; where it is no terminal, without escape codes.

    What the file's encoding lacks is written plainer.
    """
    if isinstance(file, TextIOWrapper):
        file.reconfigure(errors=_plainly.__name__)
    width = None if file.isatty() else PLAIN_WIDTH
    return _Console(file=file, width=width, highlight=False, markup=False, emoji=False)


class _Console(Console):
    """Leaves it to whoever writes what is done when nobody reads any more."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def _plainly(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    lacking = error.object[error.start : error.end]
    return "".join(PLAIN.get(character, "?") for character in lacking), error.end


codecs.register_error(_plainly.__name__, _plainly)


def watched(
    results: Iterable[Result], claims: Sequence[Claim], subjects: Sequence[str], to: Console
) -> Iterator[Result]:
    """The results; meanwhile each claim is shown as soon as it is decided on every subject."""
    said = {claim.id: claim for claim in claims}
    found: defaultdict[str, list[Result]] = defaultdict(list)
    with _progress(to) as progress:
        bar = progress.add_task("", total=len(claims) * len(subjects))
        for result in results:
            found[result.claim].append(result)
            if len(found[result.claim]) == len(subjects):
                in_order = sorted(found[result.claim], key=lambda one: subjects.index(one.subject))
                to.print(_decided(said[result.claim], in_order), "")
            progress.advance(bar)
            yield result


def _progress(to: Console) -> Progress:
    return Progress(
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("experiments"),
        TimeElapsedColumn(),
        console=to,
        transient=True,
        expand=True,
        disable=not to.is_terminal,
    )


def _decided(claim: Claim, results: Sequence[Result]) -> RenderableType:
    """The claim, and below it each verdict: of whom, and what was measured there."""
    alike: defaultdict[tuple[Verdict, str, str], list[str]] = defaultdict(list)
    for result in results:
        alike[result.verdict, _shown_figure(result), _surprise(result)].append(result.subject)
    lines = _columns(len(Verdict.CANNOT_APPLY.signed))
    for (verdict, figure, surprise), subjects in alike.items():
        what = Text(", ".join(subjects) + (f": {figure}" if figure else ""))
        lines.add_row(_signed(verdict), what.append(surprise, STANDS_OUT))
    return Group(Text(claim.id, "bold"), Text(claim.sentence, "italic"), _indented(lines))


def _shown_figure(result: Result) -> str:
    return result.figure or (result.because if _found_out_nothing(result) else "")


def _found_out_nothing(result: Result) -> bool:
    return result.verdict in (Verdict.SKIPPED, Verdict.ERROR)


def _surprise(result: Result) -> str:
    return f" (surprise: {result.expected} was expected)" if result.is_surprise else ""


def _signed(verdict: Verdict) -> Text:
    return Text(verdict.signed, STYLES[verdict])


def _columns(first: int) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=first)
    grid.add_column()
    return grid


def _indented(what: RenderableType) -> Padding:
    return Padding(what, (0, 0, 0, 2), expand=False)


def print_report(report: Report, to: Console, given: Sequence[str] = ()) -> None:
    """The matrix, then what `print_closing` prints."""
    document = {said.id for said in report.said if said.is_of_document}
    for title, claims in (
        (DOCUMENT, [claim for claim in report.claims if claim in document]),
        (FIELD, [claim for claim in report.claims if claim not in document]),
    ):
        if claims:
            to.print(_matrix(report, title, claims, to.width), "")
    print_closing(report, to, given)


def _matrix(report: Report, title: str, claims: Sequence[str], width: int) -> Table:
    first, *others = _widths(report, width)
    heads = [_lines(subject) for subject in report.subjects]
    height = max(map(len, heads))
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("\n" * (height - 1) + title, width=first, overflow="fold")
    for head, other in zip(heads, others, strict=True):
        table.add_column(
            "\n".join([""] * (height - len(head)) + head), width=other, overflow="fold"
        )
    for claim in claims:
        cells = (_cell(report.result(claim, subject)) for subject in report.subjects)
        table.add_row(_broken(claim, first), *cells)
    return table


def _widths(report: Report, width: int) -> list[int]:
    """Of the column of claims and of each subject's: a row is a line, where there is room."""
    claims = max(map(len, (*report.claims, DOCUMENT, FIELD)))
    heads = [max(map(len, _lines(subject))) for subject in report.subjects]
    for cell in (len(Verdict.CANNOT_APPLY.signed), LEAST_CELL):
        others = [max(cell, head) for head in heads]
        left = width - sum(others) - len(others)
        if claims <= left:
            break
    return [min(claims, max(left, LEAST_CLAIM)), *others]


def _lines(subject: str) -> list[str]:
    """The name in lines that break behind its hyphens."""
    return subject.replace("-", "-\n").split("\n")


def _broken(claim: str, width: int) -> str:
    """The name in lines that break behind an underscore, where it is too long for one."""
    if len(claim) <= width:
        return claim
    end = claim.rfind("_", 1, width) + 1 or width
    return f"{claim[:end]}\n{_broken(f'  {claim[end:]}', width)}"


def _cell(result: Result | None) -> Text:
    if result is None:
        return Text("")
    return _signed(result.verdict).append(" !" if result.is_surprise else "", STANDS_OUT)


def print_closing(report: Report, to: Console, given: Sequence[str] = ()) -> None:
    """What stands out, each with its reason, and one line on the whole.

    `given`: the options that say what was tried, for whoever wants to try it again.
    """
    for title, style, results in (
        ("Surprises", STANDS_OUT, report.surprises),
        ("Errors", STYLES[Verdict.ERROR], report.with_verdict(Verdict.ERROR)),
        ("Skipped", STYLES[Verdict.SKIPPED], report.with_verdict(Verdict.SKIPPED)),
    ):
        if results:
            to.print(Text(title, style), _reasons(results), "")
    if report.exit_status is not ExitStatus.AS_EXPECTED:
        to.print(_again(report, given), soft_wrap=True)
        to.print()
    to.print(summary(report), soft_wrap=True)


def _reasons(results: Sequence[Result]) -> RenderableType:
    """Which claims, on whom, and why; what has one reason several times stands there once."""
    alike: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        alike[_reason(result)][result.claim].append(result.subject)
    parts: list[RenderableType] = []
    for reason, claims in alike.items():
        for claim, subjects in claims.items():
            parts.append(Text(f"{claim} on {', '.join(subjects)}", "bold"))
        parts.append(_indented(Text(reason)))
    return _indented(Group(*parts))


def _reason(result: Result) -> str:
    if not result.is_surprise:
        return result.because
    found = f"{result.verdict.signed} ({result.expected} was expected)"
    return f"{': '.join(filter(None, (found, result.figure)))}. {result.because}"


def _again(report: Report, given: Sequence[str]) -> Text:
    """What to type to try again what did not come out as expected."""
    claims = dict.fromkeys(
        result.claim for result in (*report.surprises, *report.with_verdict(Verdict.ERROR))
    )
    only = (f"--only {claim}" for claim in claims)
    return Text(f"Again: session-lab compare {' '.join((*given, *only))}")
