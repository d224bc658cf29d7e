"""The figures as pictures: SVG without a colour of its own, which lab.css gives it.

Each has its table beside it: for who cannot see it, and for who wants the numbers.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import ceil, floor, log10
from typing import Any, NamedTuple, TypeVar
from xml.etree import ElementTree

import pygal
from markupsafe import Markup
from pygal import Graph
from pygal.etree import etree

from app.lab.bench.candidate import OPERATIONS
from app.lab.bench.results import Count, Growth
from app.lab.browser.cookie_jar import MAX_COOKIE_BYTES
from app.lab.cost.figures import SMALL, Figures, Pair, format_bytes, place_of, title_of

# pygal 3.1 leaves a finder of the old kind, which Python 3.11 warns of at each failing import.
sys.meta_path[:] = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]

COMMON = pygal.Config(
    width=720, height=340, margin=8, css=(), js=(), show_legend=False, no_prefix=True
)
"""What all charts are made with, unless they say otherwise."""

PAIR_HEIGHT = 26
"""Of two bars, one above the other, with their label at the left."""
AXIS_HEIGHT = 40
SCALES = (10_000, 1_000_000)
"""Stored sessions that are drawn."""

Case = TypeVar("Case", str, int)

SIDES = ("ours", "what ships")
"""Of a pair, in this order."""

LEFT_OUT = ("defs", "desc", "title")
"""Elements with pygal's own style and script, and with what its script shows."""


class BarsInPairs(pygal.HorizontalBar):  # type: ignore[misc]  # pygal has no types
    """More apart than the bars of one pair."""

    _series_margin = 0.14


class Picture(NamedTuple):
    """A picture, its table, and what both show."""

    id: str
    title: str
    meaning: str
    """What is drawn, and in which unit."""
    svg: Markup
    legend: list[tuple[str, str]]
    """The class of a series in the styles, and its name."""
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def draw_all(figures: Figures) -> Iterator[Picture]:
    """The pictures of all that was measured."""
    yield _draw_overhead(figures)
    yield _draw_asked(figures)
    yield _draw_sent(figures)
    yield _draw_stored(figures)
    yield _draw_growth(figures)


def _draw_overhead(figures: Figures) -> Picture:
    highest = (figures.quartiles(name, each)[2] for name in figures.names for each in OPERATIONS)
    chart = _make_pairs(
        figures.pairs,
        OPERATIONS,
        lambda name, operation: _bar(*figures.quartiles(name, operation)),
        range=(0, max(highest)),
    )
    return _make_picture(
        "overhead",
        "What a request adds on the server",
        f"Microseconds of the processor over the same page without a session, with {SMALL.size} "
        "bytes in it: half of the requests take less. The line shows the middle half of them.",
        chart,
        ("", *OPERATIONS),
        _list_by_operation(figures, lambda *asked: _say_spread(*figures.quartiles(*asked))),
    )


def _bar(low: float, half: float, high: float) -> dict[str, Any]:
    return {"value": half, "ci": {"low": low, "high": high}}


def _say_spread(low: float, half: float, high: float) -> str:
    return f"{half:,.0f} µs ({low:,.0f} to {high:,.0f})"


def _draw_asked(figures: Figures) -> Picture:
    def count(name: str, operation: str) -> int:
        counted = figures.count(name, operation)
        return counted.redis_commands or counted.file_calls

    return _make_picture(
        "asked",
        "What a request asks of the store",
        "Commands to Redis, or operations on files: one opened, read, written, renamed.",
        _make_pairs(figures.storing, OPERATIONS, count, value_formatter="{:.0f}".format),
        ("", *OPERATIONS),
        _list_by_operation(figures, lambda *asked: _say_asked(figures.count(*asked))),
    )


def _list_by_operation(figures: Figures, say: Callable[[str, str], str]) -> list[Sequence[str]]:
    """A row for each backend, with a cell for each operation."""
    return [(title_of(name), *(say(name, each) for each in OPERATIONS)) for name in figures.names]


def _say_asked(count: Count) -> str:
    if count.redis_commands:
        trips = f"in {count.round_trips} round trip{'s' * (count.round_trips != 1)}"
        return f"{count.redis_commands} command{'s' * (count.redis_commands != 1)} {trips}"
    return f"{count.file_calls} on files" if count.file_calls else "nothing"


def _draw_sent(figures: Figures) -> Picture:
    chart = pygal.XY(COMMON, show_dots=False, x_title="bytes of data in the session")
    grouped = figures.group_by_sent()
    for title, name in grouped.items():
        chart.add(title, figures.kept(name))
    by_size = list(zip(*map(figures.sent, grouped.values()), strict=True))
    largest, _ = by_size[-1][0]
    limit = f"{MAX_COOKIE_BYTES:,} bytes, the most that browsers keep"
    chart.add(limit, [(0, MAX_COOKIE_BYTES), (largest, MAX_COOKIE_BYTES)])
    rows = [
        (f"{points[0][0]:,}", *("–" if sent is None else f"{sent:,}" for _, sent in points))
        for points in by_size
    ]
    return _make_picture(
        "sent",
        "What a browser sends with each request",
        f"Bytes of the session’s cookie, by bytes of data. Browsers keep {MAX_COOKIE_BYTES:,}.",
        chart,
        ("bytes of data", *grouped),
        rows,
    )


def _draw_stored(figures: Figures) -> Picture:
    def measure(name: str, count: int) -> float:
        return _find_run(figures, name, count).bytes_each * count

    names = [name for name in figures.names if figures.growth(name)]
    powers = _powers(measure(name, count) for name in names for count in SCALES)
    chart = _make_pairs(
        figures.storing,
        SCALES,
        measure,
        logarithmic=True,
        range=(powers[0], powers[-1]),
        zero=powers[0],
        y_labels=powers,
        value_formatter=format_bytes,
    )
    rows = [
        (title_of(name), place_of(name), *(_say_stored(figures, name, count) for count in SCALES))
        for name in names
    ]
    return _make_picture(
        "stored",
        "What stored sessions take",
        f"Of Redis’ memory, or on the disk, for sessions of {SMALL.size} bytes. Each line of the "
        "scale is ten times the one before.",
        chart,
        ("", "takes", *(f"{count:,} sessions" for count in SCALES)),
        rows,
    )


def _find_run(figures: Figures, name: str, count: int) -> Growth:
    """The one with so many sessions; else the last, from which their bytes are calculated."""
    growth = figures.growth(name)
    return next((each for each in growth if each.sessions == count), growth[-1])


def _say_stored(figures: Figures, name: str, count: int) -> str:
    run = _find_run(figures, name, count)
    size = format_bytes(run.bytes_each * count)
    return size if run.sessions == count else f"{size}, calculated from {run.sessions:,}"


def _draw_growth(figures: Figures) -> Picture:
    lines = {name: figures.growth(name) for name in figures.names if figures.growth(name)}
    most = max(growth[-1].sessions for growth in lines.values())
    counts = [10**power for power in range(2, len(str(most)))]
    chart = pygal.Line(
        COMMON,
        logarithmic=True,
        x_labels=[f"{count:,}" for count in counts],
        y_labels=_powers(each.login for growth in lines.values() for each in growth),
        x_title="stored sessions",
        value_formatter="{:,.0f}".format,
    )
    for name, growth in lines.items():
        login = {each.sessions: each.login for each in growth}
        chart.add(title_of(name), [login.get(count) for count in counts])
    return _make_picture(
        "growth",
        "What a login costs beside others",
        "Microseconds on the wall, the least of several. Each line of either scale is ten times "
        "the one before.",
        chart,
        ("", "sessions", "login", "read"),
        [
            (title_of(name), f"{each.sessions:,}", f"{each.login:,.0f} µs", f"{each.read:,.0f} µs")
            for name, growth in lines.items()
            for each in growth
        ],
    )


def _powers(values: Iterable[float]) -> list[int]:
    """The powers of ten around the values: the lines of a scale that has them all."""
    found = list(values)
    least, most = floor(log10(min(found))), ceil(log10(max(found)))
    return [10**power for power in range(least, most + 1)]


def _make_pairs(
    pairs: Sequence[Pair],
    cases: Sequence[Case],
    measure: Callable[[str, Case], Any],
    **options: Any,
) -> Graph:
    """Two bars for each pair in each case, ours and what ships. The first case is on top."""
    bars = [(case, pair) for case in cases for pair in pairs]
    bars.reverse()  # pygal draws them upwards
    chart = BarsInPairs(
        COMMON,
        height=PAIR_HEIGHT * len(bars) + AXIS_HEIGHT,
        x_labels=[f"{_say_case(case)}, {title_of(pair.ours)}" for case, pair in bars],
        truncate_label=-1,
        **options,
    )
    for side, series in enumerate(SIDES):
        chart.add(series, [measure(pair[side], case) for case, pair in bars])
    return chart


def _say_case(case: str | int) -> str:
    return case if isinstance(case, str) else f"{case:,}"


def _make_picture(
    id: str,
    title: str,
    meaning: str,
    chart: Graph,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
) -> Picture:
    # pygal numbers the classes of its series.
    legend = [(f"serie-{n}", kept["title"]) for n, (_, kept) in enumerate(chart.raw_series)]
    return Picture(id, title, meaning, _render(chart, title), legend, head, rows)


def _render(chart: Graph, title: str) -> Markup:
    """The SVG alone: no script, no style and no comment, which the pages' policy forbids."""
    etree.to_etree()  # where lxml is installed pygal takes its elements, which are others
    root = chart.render_tree()
    for element in list(root.iter()):
        for child in list(element):
            is_tip = "tooltip-overlay" in child.get("class", "")
            if child.tag is ElementTree.Comment or child.tag in LEFT_OUT or is_tip:
                element.remove(child)
    root.attrib.pop("id", None)
    root.set("role", "img")
    root.set("aria-label", f"{title}. The table below has its numbers.")
    ElementTree.indent(root, space="")
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704 - it was escaped
