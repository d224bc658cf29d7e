"""A bench as tables: in a terminal, as Markdown and as HTML."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Column, Table

from app.lab.bench.results import Bench, Sent, Timing
from app.lab.reports.markdown import escape
from app.lab.reports.one_file import render_page
from app.lab.reports.report import dump_by_line
from app.lab.reports.terminal import break_head, split_columns
from app.readme import format_table

TIMES = (
    "Microseconds of processor time over the same request without a session, which the first row "
    "has in whole: half of the requests take less. In brackets on the wall; × the ratio to what "
    "ships, of the fastest quarter of the requests."
)
SENT = "Bytes of the Cookie with each request, by bytes of data; – if no browser keeps so many."


class Section(NamedTuple):
    """A table with its title, and what it says."""

    title: str
    note: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def make_sections(bench: Bench) -> list[Section]:
    """The tables that have a row."""
    weights = [each for each in bench.weights if each.bytes]
    sections = [
        *(
            _pivot(f"Time of a request: {shape}", TIMES, those, "candidate", "operation")
            for shape, those in groupby(bench.timings, attrgetter("shape"))
        ),
        *(
            _list(f"What a request does: {shape}", those, hidden=shape._fields)
            for shape, those in groupby(bench.counts, attrgetter("shape"))
        ),
        _list("A session on the server", weights),
        _pivot("What a browser sends", SENT, bench.sent, "size", "candidate"),
        _list("Among stored sessions", bench.growth),
        _list("After an outage of Redis", bench.recoveries),
        _list("Under load", bench.loads),
        _list("Not measured", bench.left_out),
    ]
    return [section for section in sections if section.rows]


def _pivot(title: str, note: str, measured: Iterable[Any], row: str, column: str) -> Section:
    """A row and a column for each value of these fields."""
    head, rows = {"": None}, dict[str, list[str]]()
    for each in measured:
        head[getattr(each, column)] = None
        name = _format_value(getattr(each, row))
        rows.setdefault(name, [name]).append(_format_cell(each))
    return Section(title, note, [*head], [*rows.values()])


def _list(title: str, measured: Iterable[Any], hidden: Sequence[str] = ()) -> Section:
    """A row for each, and a column for each of its fields but the hidden ones."""
    those = list(measured)
    names = [name for name in vars(those[0]) if name not in hidden] if those else []
    rows = [[_format_value(getattr(each, name)) for name in names] for each in those]
    note = " ".join(str(type(those[0]).__doc__).split()) if those else ""
    return Section(title, note, [name.replace("_", " ") for name in names], rows)


def _format_value(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.2f}" if value < 10 and value % 1 else f"{value:,.0f}"


def _format_cell(measured: Timing | Sent) -> str:
    if isinstance(measured, Sent):
        return "–" if measured.cookie_bytes is None else f"{measured.cookie_bytes:,}"
    ratio = "" if measured.ratio is None else f" ×{measured.ratio:z.2f}"
    return f"{measured.cpu.half:z.0f} ({measured.wall.half:z.0f}){ratio}"


def describe_run(bench: Bench) -> str:
    """When, where and with what it was run, in one line."""
    ran = bench.circumstances
    versions = ", ".join(f"{name} {version}" for name, version in ran.versions.items())
    stopped = "" if bench.is_complete else "Stopped before its end. "
    where = f"{ran.machine}, files in {bench.folder}, Redis: {ran.redis}"
    return f"{stopped}{ran.date}, {ran.seconds:.0f} s, {where}; {versions}"


def print_bench(bench: Bench, to: Console) -> None:
    """The tables for people."""
    for section in make_sections(bench):
        to.print(section.title, section.note, "", sep="\n")
        for table in _make_tables(section, to.width):
            to.print(table, "", sep="\n")
    to.print(describe_run(bench))


def _make_tables(section: Section, width: int) -> Iterator[Table]:
    """A table of all columns, or several of as many as have room; each has the first."""
    names, *columns = zip(map(break_head, section.head), *section.rows, strict=True)
    names = tuple(name.replace("-session-", "-session-\n") for name in names)
    room = width - _measure(names)
    for part in split_columns(columns, lambda column: 1 + _measure(column), room):
        (first, *heads), *rows = zip(names, *part, strict=True)
        right = (Column(head, justify="right") for head in heads)
        table = Table(
            Column(first, no_wrap=True), *right, box=None, pad_edge=False, collapse_padding=True
        )
        for row in rows:
            table.add_row(*row)
        yield table


def _measure(column: Sequence[str]) -> int:
    """The columns of the terminal that its longest word needs."""
    return max(len(word) for cell in column for word in cell.split())


def _format_markdown(bench: Bench) -> str:
    lines = ["# What a session costs", "", escape(describe_run(bench)), ""]
    for section in make_sections(bench):
        lines += (f"## {section.title}", "", section.note, "")
        lines += (*format_table(section.head, section.rows), "")
    return "\n".join(lines)


def _format_html(bench: Bench) -> str:
    described = describe_run(bench)
    return render_page("lab/bench.html", sections=make_sections(bench), described=described)


FORMATS = {"json": dump_by_line, "markdown": _format_markdown, "html": _format_html}
"""Beside the table of a terminal."""
