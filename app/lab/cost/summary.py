"""The whole of it in one table: what a session costs whom, on each backend."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from app.lab.cost.figures import Figures, title_of
from app.readme import format_table
from backends import BACKENDS

TYPICAL_BYTES, LARGE_BYTES = 250, 2_000
"""Of data in two sessions whose cookies are shown."""


class Cell(NamedTuple):
    """The figure, and what it is of."""

    figure: str
    more: str

    def __str__(self) -> str:
        return f"{self.figure}; {self.more}"


class Shares(NamedTuple):
    """What a session costs on one backend."""

    title: str
    is_ours: bool
    cells: dict[str, Cell]
    """By the heads of the columns, in their order."""


def summarize(figures: Figures) -> list[Shares]:
    """Each backend above what ships for the same place."""
    return [
        Shares(
            title_of(name),
            not BACKENDS[name].stock,
            {head: find_cost(figures, name) for head, find_cost in COLUMNS.items()},
        )
        for name in figures.names
    ]


def format_summary(figures: Figures) -> Iterator[str]:
    """The table in Markdown, line by line."""
    rows = ((line.title, *map(str, line.cells.values())) for line in summarize(figures))
    return format_table(("", *COLUMNS), rows)


def _cost_to_server(figures: Figures, name: str) -> Cell:
    read, write = (figures.microseconds(name, each) for each in ("read", "write"))
    ratios = [figures.timing(name, each).ratio for each in ("read", "write")]
    compared = [f"{ratio:.2f}" for ratio in ratios if ratio is not None]
    more = f"{' and '.join(compared)} of what ships" if compared else "what ships"
    return Cell(f"read {read:,.0f} µs, write {write:,.0f}", more)


def _cost_to_network(figures: Figures, name: str) -> Cell:
    sent = dict(figures.sent(name))
    small, large = sent.get(TYPICAL_BYTES), sent.get(LARGE_BYTES)
    moved = figures.count(name, "read").redis_bytes
    if small is None or large is None:
        return Cell("–", "no browser keeps it")
    if small == large:
        return Cell(f"{small:,} bytes", f"and {moved:,} to and from Redis" if moved else "always")
    most, _ = figures.kept(name)[-1]
    return Cell(
        f"{small:,} for {TYPICAL_BYTES:,} bytes, {large:,} for {LARGE_BYTES:,}",
        f"no more than {most:,} bytes fit",
    )


def _cost_to_visitors(figures: Figures, name: str) -> Cell:
    read, write = (figures.milliseconds(name, each) for each in ("read", "write"))
    recovery = figures.recovery(name)
    after = f"{recovery.seconds:.1f} s after an outage" if recovery else "asks no service"
    return Cell(f"read {read:.2f} ms, write {write:.2f}", after)


def _cost_of_growth(figures: Figures, name: str) -> Cell:
    growth = figures.growth(name)
    if not growth:
        return Cell("the same for any number", "nothing is stored")
    first, last = growth[0], growth[-1]
    return Cell(
        f"login ×{last.login / first.login:,.1f} beside {last.sessions:,}",
        f"a million take {figures.million(name)}",
    )


COLUMNS: dict[str, Callable[[Figures, str], Cell]] = {
    "My server: processor": _cost_to_server,
    "My network: cookie with each request": _cost_to_network,
    "My visitors: they wait": _cost_to_visitors,
    "As it grows": _cost_of_growth,
}
"""What is said of a backend, by the head of its column."""
