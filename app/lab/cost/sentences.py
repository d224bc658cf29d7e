"""What the figures say, in sentences that are made from them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.lab.cost.figures import SMALL, Figures, format_bytes, title_of
from backends import BACKENDS

FLAT = 1.3
"""A cost that is at most so many times as high beside all others is said not to grow."""

UPLOAD_BITS = 1_000_000
"""A second, of a phone with a weak signal."""


class Said(NamedTuple):
    """A question, and what the figures answer."""

    id: str
    question: str
    sentences: list[str]


def say_all(figures: Figures) -> list[Said]:
    """The answers to who pays what, and how that grows."""
    return [
        Said("server", "What does it cost my server?", list(_say_server(figures))),
        Said("network", "What does it cost my network?", list(_say_network(figures))),
        Said("visitors", "What does it cost my visitors?", list(_say_visitors(figures))),
        Said("growth", "How does that grow?", list(_say_growth(figures))),
    ]


def _say_server(figures: Figures) -> Iterator[str]:
    shares = [figures.timing(pair.ours, "untouched").ratio for pair in figures.pairs]
    known = [share for share in shares if share is not None]
    if known:
        yield (
            "A page that leaves the session alone costs at most "
            f"{max(0.01, *known):.0%} of the same page on what ships."
        )
    for operation, verb in (("read", "reads"), ("write", "writes")):
        costs = [f"{figures.microseconds(pair.ours, operation):,.0f} µs" for pair in figures.pairs]
        ratios = [figures.timing(pair.ours, operation).ratio for pair in figures.pairs]
        known = [ratio for ratio in ratios if ratio is not None]
        yield (
            f"A page that {verb} it takes {_on_each(figures, costs)} more of the processor, "
            f"{_range(known, '{:.2f}')} of what it takes on what ships."
        )


def _say_network(figures: Figures) -> Iterator[str]:
    for group in figures.group_by_sent():
        kept = [(size, cookie) for size, cookie in group.points if cookie is not None]
        first, last = kept[0], kept[-1]
        if first[1] == last[1]:
            yield f"{group.title}: {first[1]:,} bytes of cookie with each request, always."
        else:
            yield (
                f"{group.title}: {first[1]:,} bytes of cookie with each request for {first[0]:,} "
                f"bytes of data, and {last[1]:,} for {last[0]:,}; more does not fit."
            )
    asked = [pair for pair in figures.pairs if figures.count(pair.ours, "read").redis_commands]
    for ours, ships in asked:
        counts = [figures.count(name, "read") for name in (ours, ships)]
        yield (
            f"A read asks Redis {_times(counts[0].round_trips)} and moves "
            f"{counts[0].redis_bytes:,} bytes; "
            f"with what ships {_times(counts[1].round_trips)} and {counts[1].redis_bytes:,}."
        )


def _say_visitors(figures: Figures) -> Iterator[str]:
    waits = [f"{figures.milliseconds(pair.ours, 'read'):.2f} ms" for pair in figures.pairs]
    sent = [cookie for name in figures.names for _, cookie in figures.sent(name) if cookie] or [0]
    yield f"An answer that needs the session comes later by {_on_each(figures, waits)}."
    yield (
        f"To send the cookie takes {min(sent) * 8 / UPLOAD_BITS * 1000:.1f} to "
        f"{max(sent) * 8 / UPLOAD_BITS * 1000:.0f} ms with each request, pictures and scripts "
        f"included, at {UPLOAD_BITS / 1e6:.0f} Mbit/s from a phone."
    )
    for pair in figures.pairs:
        recovery = figures.recovery(pair.ours)
        if recovery:
            yield (
                f"{recovery.seconds:.1f} seconds after Redis is back from an outage, everybody is "
                "logged in again."
            )


def _say_growth(figures: Figures) -> Iterator[str]:
    for name in figures.names:
        growth = figures.growth(name)
        if len(growth) < 2:
            continue
        times = growth[-1].login / growth[0].login
        few, many = growth[0].sessions, growth[-1].sessions
        beside = f"a login beside {many:,} sessions instead of {few:,}"
        if times <= FLAT:
            yield f"{title_of(name)}: {beside} costs about the same, {times:.2f} of it."
        else:
            yield f"{title_of(name)}: {beside} costs {times:,.1f} times as much."
    for pair in figures.pairs:
        growth = figures.growth(pair.ours)
        if growth:
            place = "of memory" if BACKENDS[pair.ours].on_redis else "of disk"
            million = format_bytes(growth[-1].bytes_each * 10**6)
            yield (
                f"{title_of(pair.ours)}: a million sessions of {SMALL.size} bytes take {million} "
                f"{place}."
            )


def _on_each(figures: Figures, costs: Sequence[str]) -> str:
    """`75 µs on Signed cookie, 98 µs on Filesystem and 179 µs on Redis`."""
    pairs = zip(costs, figures.pairs, strict=True)
    *most, last = (f"{cost} on {title_of(pair.ours)}" for cost, pair in pairs)
    return f"{', '.join(most)} and {last}" if most else last


def _range(values: Sequence[float], form: str) -> str:
    low, high = form.format(min(values)), form.format(max(values))
    return low if low == high else f"{low} to {high}"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
