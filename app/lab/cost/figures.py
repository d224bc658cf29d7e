"""The figures of a bench as pages, pictures and plans ask for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple, TypeVar

from humanize import naturalsize

from app.lab.bench.candidate import Shape
from app.lab.bench.results import Bench, Count, Growth, Recovery, Timing
from app.lab.measuring import group_by
from backends import BACKENDS

Asked = TypeVar("Asked", Timing, Count)

SMALL = Shape(200, 1)
"""The session that most figures are of: who is logged in, and a little more."""


class Pair(NamedTuple):
    """A backend, and what ships for the same place."""

    ours: str
    ships: str


class SentAlike(NamedTuple):
    """Backends whose cookies have the same bytes."""

    title: str
    """Of all of them."""
    points: list[tuple[int, int | None]]
    """Bytes of data, and of the `Cookie`."""


@dataclass(frozen=True, eq=False)
class Figures:
    """A bench, by what is looked up in it.

    Raises `LookupError` for what was not measured, as in a run without Redis.
    """

    bench: Bench

    @property
    def pairs(self) -> list[Pair]:
        """The backends that are compared, in the order of the registry."""
        compared = {each.candidate: each.ships for each in self.bench.timings if each.ships}
        return [Pair(name, compared[name]) for name in BACKENDS if name in compared]

    @property
    def names(self) -> list[str]:
        """All of the pairs, those of a place before what ships for it."""
        places = group_by(self.pairs, attrgetter("ships"))
        ours = {ships: [pair.ours for pair in pairs] for ships, pairs in places.items()}
        return [name for ships in ours for name in (*ours[ships], ships)]

    def timing(self, name: str, operation: str) -> Timing:
        """What an operation costs over the same request without a session."""
        return _small(self._find(self.bench.timings, name, operation), f"{operation} on {name}")

    def microseconds(self, name: str, operation: str) -> float:
        """What an operation adds on the processor, half of the time."""
        return max(0.0, self.timing(name, operation).cpu.half)

    def milliseconds(self, name: str, operation: str) -> float:
        """How much later the answer comes, half of the time."""
        return max(0.0, self.timing(name, operation).wall.half) / 1000

    def times(self, name: str, operation: str) -> list[tuple[int, float]]:
        """Bytes of data in one field, and the microseconds that an operation adds with them."""
        found = self._find(self.bench.timings, name, operation)
        return [(each.size, max(0.0, each.cpu.half)) for each in found]

    def counts(self, name: str, operation: str) -> list[Count]:
        """What an operation does, by the size of a session whose data is in one field."""
        found = self._find(self.bench.counts, name, operation)
        return sorted(found, key=lambda count: count.size)

    def count(self, name: str, operation: str) -> Count:
        """What an operation does with a small session."""
        return _small(self.counts(name, operation), f"{operation} on {name}")

    def _find(self, measured: Sequence[Asked], name: str, operation: str) -> list[Asked]:
        """Those with the data in one field."""
        wanted = (name, operation, SMALL.fields)
        return [
            each for each in measured if (each.candidate, each.operation, each.fields) == wanted
        ]

    def sent(self, name: str) -> list[tuple[int, int | None]]:
        """Bytes of data and of the `Cookie` with it, `None` for what does not fit."""
        found = [each for each in self.bench.sent if each.candidate == name]
        return sorted((each.size, each.cookie_bytes) for each in found)

    def kept(self, name: str) -> list[tuple[int, int]]:
        """The same, without what no browser keeps."""
        return [(size, cookie) for size, cookie in self.sent(name) if cookie is not None]

    def group_by_sent(self) -> list[SentAlike]:
        """Those that send the same cookies, whatever the size."""
        grouped = group_by(self.names, lambda name: tuple(self.sent(name)))
        return [
            SentAlike(" · ".join(map(title_of, names)), list(points))
            for points, names in grouped.items()
            if points
        ]

    def weights(self, name: str) -> list[tuple[int, int]]:
        """Bytes of data in one field, and of the session on the server."""
        return [
            (each.size, each.bytes)
            for each in self.bench.weights
            if each.candidate == name and each.fields == SMALL.fields
        ]

    def growth(self, name: str) -> list[Growth]:
        """What more and more stored sessions take; empty for a cookie, which stores none."""
        found = [each for each in self.bench.growth if each.candidate == name]
        return sorted(found, key=lambda growth: growth.sessions)

    def recovery(self, name: str) -> Recovery | None:
        """How long an outage goes on; `None` for what asks no service."""
        return next((each for each in self.bench.recoveries if each.candidate == name), None)


def _small(measured: Sequence[Asked], what: str) -> Asked:
    for each in measured:
        if each.size == SMALL.size:
            return each
    raise LookupError(f"{what} was not measured with a small session")


def title_of(name: str) -> str:
    """As people call it."""
    return BACKENDS[name].title if name in BACKENDS else name


def format_bytes(size: float) -> str:
    """In the unit that fits: `4.1 GB`."""
    return naturalsize(size, format="%.3g")
