"""A bench as tables: in a terminal, as Markdown and as HTML."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from app.lab.bench.candidate import OPERATIONS, Shape
from app.lab.bench.results import Bench, Count, Sent, Timing
from app.lab.reports.markdown import escape
from app.lab.reports.one_file import render_page
from app.readme import format_table

TIMES = (
    "Microseconds of processor time over the same request without a session, which the first row "
    "has in whole: half of the requests take less. In brackets on the wall; × the ratio to what "
    "ships."
)
COUNTS = (
    "Calls in Python. On Redis: commands / round trips, bytes to + from it. On files: operations "
    "and system calls. In brackets the bytes of Set-Cookie."
)
WEIGHTS = "Bytes of Redis memory, or of the disk as it allocates them."
SENT = "Bytes of the Cookie with each request, by the bytes of data in the session."
GROWTH = (
    "What so many sessions take together, in bytes; microseconds of a login and of a read beside "
    "them on the wall, the least of several."
)
RECOVERIES = "Seconds from when Redis answers again until the session does."
LOADS = (
    "gunicorn on loopback: one process with four threads, asked over eight connections; each "
    "candidate in turn for half a second."
)
LEFT_OUT = "Only what keeps a session is compared."


MAX_NAME = 18
"""Characters on one line of a terminal's first column."""


class Section(NamedTuple):
    """A table with its title, and what it says."""

    title: str
    note: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def make_sections(bench: Bench) -> list[Section]:
    """The tables that have a row."""
    return [
        *_by_shape("Time of a request", TIMES, bench.timings, _format_time),
        *_by_shape("What a request does", COUNTS, bench.counts, _format_count),
        *_as_it_is(
            "A session on the server", WEIGHTS, [each for each in bench.weights if each.bytes]
        ),
        *_by_size("What a browser sends", SENT, bench.sent),
        *_as_it_is("Among stored sessions", GROWTH, bench.growth),
        *_as_it_is("After an outage of Redis", RECOVERIES, bench.recoveries),
        *_as_it_is("Under load", LOADS, bench.loads),
        *_as_it_is("Not measured", LEFT_OUT, bench.left_out),
    ]


def _by_shape(
    title: str, note: str, measured: Sequence[Any], format_cell: Callable[[Any], str]
) -> Iterator[Section]:
    """A table for each shape: a row for each candidate, a column for each operation."""
    for shape in dict.fromkeys((each.size, each.fields) for each in measured):
        rows: dict[str, list[str]] = {}
        for each in measured:
            if (each.size, each.fields) == shape:
                rows.setdefault(each.candidate, [each.candidate]).append(format_cell(each))
        yield Section(f"{title}: {Shape(*shape)}", note, ("", *OPERATIONS), [*rows.values()])


def _by_size(title: str, note: str, sent: Sequence[Sent]) -> Iterator[Section]:
    """A row for each candidate, a column for each size."""
    rows: dict[str, list[str]] = {}
    for each in sent:
        cell = "–" if each.cookie_bytes is None else f"{each.cookie_bytes:,}"
        rows.setdefault(each.candidate, [each.candidate]).append(cell)
    if rows:
        sizes = dict.fromkeys(f"{each.size:,} B" for each in sent)
        yield Section(title, note, ("", *sizes), [*rows.values()])


def _as_it_is(title: str, note: str, measured: Sequence[Any]) -> Iterator[Section]:
    """A table with a column for each field."""
    if measured:
        names = list(vars(measured[0]))
        rows = [[_format_value(getattr(each, name)) for name in names] for each in measured]
        yield Section(title, note, [name.replace("_", " ") for name in names], rows)


def _format_value(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.2f}" if value < 10 and value % 1 else f"{value:,.0f}"


def _format_time(timing: Timing) -> str:
    ratio = "" if timing.ratio is None else f" ×{timing.ratio:.2f}"
    return f"{timing.cpu.quartiles[1]:.0f} ({timing.wall.quartiles[1]:.0f}){ratio}"


def _format_count(count: Count) -> str:
    parts = [f"{count.python_calls:,}"]
    if count.redis_commands:
        traffic = f"{count.bytes_to_redis:,} + {count.bytes_from_redis:,} B"
        parts.append(f"{count.redis_commands} / {count.round_trips}, {traffic}")
    if count.file_calls:
        parts.append(f"{count.file_calls} on files")
    if count.set_cookie_bytes:
        parts.append(f"({count.set_cookie_bytes:,} B)")
    return "; ".join(parts)


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
        table = Table(box=None, pad_edge=False)
        for number, name in enumerate(section.head):
            table.add_column(name, justify="right" if number else "left", overflow="fold")
        for name, *cells in section.rows:
            on_two_lines = "-\n".join(name.rsplit("-", 1)) if len(name) > MAX_NAME else name
            table.add_row(on_two_lines, *(cell.replace("; ", "\n") for cell in cells))
        to.print(section.title, section.note, "", table, "", sep="\n")
    to.print(describe_run(bench))


def format_markdown(bench: Bench) -> str:
    """The tables as Markdown."""
    lines = ["# What a session costs", "", escape(describe_run(bench)), ""]
    for section in make_sections(bench):
        lines += [f"## {section.title}", "", section.note, ""]
        lines += [*format_table(section.head, section.rows), ""]
    return "\n".join(lines)


def format_html(bench: Bench) -> str:
    """The tables as one page, which needs no other file."""
    described = describe_run(bench)
    return render_page("lab/bench.html", sections=make_sections(bench), described=described)
