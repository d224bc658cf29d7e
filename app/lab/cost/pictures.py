"""The figures as pictures: SVG without a colour of its own, which lab.css gives it.

Each has its table beside it: for who cannot see it, and for who wants the numbers.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import ceil, floor, log10
from typing import Any, NamedTuple, TypeVar
from xml.etree import ElementTree

import pygal
from markupsafe import Markup
from pygal import Graph
from pygal.etree import etree

from app.lab.bench.candidate import OPERATIONS
from app.lab.bench.results import Count, Spread
from app.lab.browser.cookie_jar import MAX_COOKIE_BYTES
from app.lab.cost.figures import SMALL, Figures, Pair, format_bytes, title_of
from backends import BACKENDS

# pygal 3.1 leaves a finder of the old kind, which Python 3.11 warns of at each failing import.
sys.meta_path[:] = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]

WIDTH, HEIGHT = 720, 340
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
    cases = _label(figures.pairs, OPERATIONS)
    most = max(
        _quartiles(figures.timing(name, operation).cpu)[2]
        for pair, operation in cases.values()
        for name in pair
    )
    chart = _make_pairs(
        cases,
        lambda name, operation: _bar(figures.timing(name, operation).cpu),
        range=(0, most),
    )
    rows = [
        (
            title_of(name),
            *(_say_spread(figures.timing(name, operation).cpu) for operation in OPERATIONS),
        )
        for name in figures.names
    ]
    return _make_picture(
        "overhead",
        "What a request adds on the server",
        f"Microseconds of the processor over the same page without a session, with {SMALL.size} "
        "bytes in it: half of the requests take less. The line shows the middle half of them.",
        chart,
        ("", *OPERATIONS),
        rows,
    )


def _bar(spread: Spread) -> dict[str, Any]:
    low, half, high = _quartiles(spread)
    return {"value": half, "ci": {"low": low, "high": high}}


def _quartiles(spread: Spread) -> tuple[float, float, float]:
    """In order, none below 0; the middle one stays what was measured.

    What costs next to nothing differs from bare Flask by chance: each quartile to either side.
    """
    low, half, high = (max(0.0, value) for value in spread.quartiles)
    return min(low, half), half, max(half, high)


def _say_spread(spread: Spread) -> str:
    low, half, high = _quartiles(spread)
    return f"{half:,.0f} µs ({low:,.0f} to {high:,.0f})"


def _draw_asked(figures: Figures) -> Picture:
    pairs = [pair for pair in figures.pairs if figures.growth(pair.ours)]
    cases = _label(pairs, OPERATIONS)

    def count(name: str, operation: str) -> int:
        counted = figures.count(name, operation)
        return counted.redis_commands or counted.file_calls

    chart = _make_pairs(cases, count, value_formatter="{:.0f}".format)
    return _make_picture(
        "asked",
        "What a request asks of the store",
        "Commands to Redis, or operations on files: one opened, read, written, renamed.",
        chart,
        ("", *OPERATIONS),
        [
            (title_of(name), *(_say_asked(figures.count(name, each)) for each in OPERATIONS))
            for name in figures.names
        ],
    )


def _say_asked(count: Count) -> str:
    if count.redis_commands:
        trips = f"in {count.round_trips} round trip{'s' * (count.round_trips != 1)}"
        return f"{count.redis_commands} command{'s' * (count.redis_commands != 1)} {trips}"
    return f"{count.file_calls} on files" if count.file_calls else "nothing"


def _draw_sent(figures: Figures) -> Picture:
    chart = _make(pygal.XY, show_dots=False, x_title="bytes of data in the session")
    grouped = figures.group_by_sent()
    sizes = [size for size, _ in grouped[0].points]
    for group in grouped:
        chart.add(group.title, [point for point in group.points if point[1] is not None])
    limit = f"{MAX_COOKIE_BYTES:,} bytes, the most that browsers keep"
    chart.add(limit, [(0, MAX_COOKIE_BYTES), (sizes[-1], MAX_COOKIE_BYTES)])
    rows = [
        (f"{size:,}", *("–" if sent is None else f"{sent:,}" for sent in sent_by_all))
        for size, *sent_by_all in zip(
            sizes, *([sent for _, sent in group.points] for group in grouped), strict=True
        )
    ]
    return _make_picture(
        "sent",
        "What a browser sends with each request",
        f"Bytes of the session’s cookie, by bytes of data. Browsers keep {MAX_COOKIE_BYTES:,}.",
        chart,
        ("bytes of data", *(group.title for group in grouped)),
        rows,
    )


def _draw_stored(figures: Figures) -> Picture:
    pairs = [pair for pair in figures.pairs if figures.growth(pair.ours)]
    cases = _label(pairs, SCALES)
    powers = _powers(
        _stored(figures, name, count)[0] for pair, count in cases.values() for name in pair
    )
    chart = _make_pairs(
        cases,
        lambda name, count: _stored(figures, name, count)[0],
        logarithmic=True,
        range=(powers[0], powers[-1]),
        zero=powers[0],
        y_labels=powers,
        value_formatter=format_bytes,
    )
    rows = [
        (
            title_of(name),
            "memory" if BACKENDS[name].on_redis else "disk",
            *(_say_stored(figures, name, count) for count in SCALES),
        )
        for pair in pairs
        for name in pair
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


def _stored(figures: Figures, name: str, count: int) -> tuple[float, bool]:
    """The bytes of so many sessions, and whether they were measured: others follow the last."""
    for each in figures.growth(name):
        if each.sessions == count:
            return each.bytes, True
    last = figures.growth(name)[-1]
    return last.bytes_each * count, False


def _say_stored(figures: Figures, name: str, count: int) -> str:
    size, is_measured = _stored(figures, name, count)
    last = figures.growth(name)[-1].sessions
    return format_bytes(size) if is_measured else f"{format_bytes(size)}, calculated from {last:,}"


def _draw_growth(figures: Figures) -> Picture:
    lines = {name: figures.growth(name) for name in figures.names if figures.growth(name)}
    most = max(growth[-1].sessions for growth in lines.values())
    counts = [10**power for power in range(2, len(str(most)))]
    chart = _make(
        pygal.Line,
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


def _label(pairs: Sequence[Pair], cases: Sequence[Case]) -> dict[str, tuple[Pair, Case]]:
    """Each pair in each case, by its label."""
    return {
        f"{case if isinstance(case, str) else f'{case:,}'}, {title_of(pair.ours)}": (pair, case)
        for case in cases
        for pair in pairs
    }


def _make_pairs(
    cases: Mapping[str, tuple[Pair, Case]], measure: Callable[[str, Case], Any], **options: Any
) -> Graph:
    """Two bars for each case, by its label: of ours and of what ships, the first case on top."""
    labels, pairs = zip(*reversed(list(cases.items())), strict=True)  # pygal draws them upwards
    chart = _make(
        BarsInPairs,
        PAIR_HEIGHT * len(cases) + AXIS_HEIGHT,
        x_labels=labels,
        truncate_label=-1,
        **options,
    )
    for side, series in enumerate(SIDES):
        chart.add(series, [measure(pair[side], case) for pair, case in pairs])
    return chart


def _make(kind: Callable[..., Graph], height: int = HEIGHT, **options: Any) -> Graph:
    return kind(
        width=WIDTH,
        height=height,
        margin=8,
        css=(),
        js=(),
        show_legend=False,
        no_prefix=True,
        **options,
    )


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
