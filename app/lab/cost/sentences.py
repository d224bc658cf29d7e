"""What the figures say, in sentences that are made from them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from humanize import natural_list

from app.lab.cost.figures import SMALL, Figures, title_of

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
    if shares := _find_ratios(figures, "untouched"):
        yield (
            "A page that leaves the session alone costs at most "
            f"{max(0.01, *shares):.0%} of the same page on what ships."
        )
    for operation, verb in (("read", "reads"), ("write", "writes")):
        costs = natural_list(
            [
                f"{figures.microseconds(each.ours, operation):,.0f} µs on {title_of(each.ours)}"
                for each in figures.pairs
            ]
        )
        yield (
            f"A page that {verb} it takes {costs} more of the processor, "
            f"{_range(_find_ratios(figures, operation))} of what it takes on what ships."
        )


def _find_ratios(figures: Figures, operation: str) -> list[float]:
    """To what ships, of each that has one."""
    ratios = (figures.timing(pair.ours, operation).ratio for pair in figures.pairs)
    return [ratio for ratio in ratios if ratio is not None]


def _say_network(figures: Figures) -> Iterator[str]:
    for title, name in figures.group_by_sent().items():
        kept = figures.kept(name)
        (least, small), (most, large) = kept[0], kept[-1]
        if small == large:
            yield f"{title}: {small:,} bytes of cookie with each request, always."
        else:
            yield (
                f"{title}: {small:,} bytes of cookie with each request for {least:,} "
                f"bytes of data, and {large:,} for {most:,}; more does not fit."
            )
    for pair in figures.pairs:
        ours, ships = (figures.count(name, "read") for name in pair)
        if ours.redis_commands:
            yield (
                f"A read asks Redis {_times(ours.round_trips)} and moves {ours.redis_bytes:,} "
                f"bytes; with what ships {_times(ships.round_trips)} and {ships.redis_bytes:,}."
            )


def _say_visitors(figures: Figures) -> Iterator[str]:
    waits = natural_list(
        [
            f"{figures.milliseconds(each.ours, 'read'):.2f} ms on {title_of(each.ours)}"
            for each in figures.pairs
        ]
    )
    sent = [cookie for name in figures.names for _, cookie in figures.kept(name)]
    yield f"An answer that needs the session comes later by {waits}."
    yield (
        f"To send the cookie takes {min(sent) * 8 / UPLOAD_BITS * 1000:.1f} to "
        f"{max(sent) * 8 / UPLOAD_BITS * 1000:.0f} ms with each request, pictures and scripts "
        f"included, at {UPLOAD_BITS / 1e6:.0f} Mbit/s from a phone."
    )
    for pair in figures.pairs:
        if recovery := figures.recovery(pair.ours):
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
    for name, _ in figures.storing:
        yield (
            f"{title_of(name)}: a million sessions of {SMALL.size} bytes take "
            f"{figures.million(name)}."
        )


def _range(ratios: Sequence[float]) -> str:
    low, high = f"{min(ratios):.2f}", f"{max(ratios):.2f}"
    return low if low == high else f"{low} to {high}"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
