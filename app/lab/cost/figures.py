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
    def storing(self) -> list[Pair]:
        """The pairs that keep their sessions on the server."""
        return [pair for pair in self.pairs if self.growth(pair.ours)]

    @property
    def names(self) -> list[str]:
        """All of the pairs, those of a place before what ships for it."""
        places = group_by(self.pairs, attrgetter("ships"))
        ours = {ships: [pair.ours for pair in pairs] for ships, pairs in places.items()}
        return [name for ships in ours for name in (*ours[ships], ships)]

    def timing(self, name: str, operation: str) -> Timing:
        """What an operation costs over the same request without a session."""
        return self._find_small(self.bench.timings, name, operation)

    def microseconds(self, name: str, operation: str) -> float:
        """What an operation adds on the processor, half of the time."""
        return self.quartiles(name, operation)[1]

    def quartiles(self, name: str, operation: str) -> tuple[float, float, float]:
        """What it adds a quarter, half and three quarters of the time; none is below 0.

        What costs next to nothing differs from bare Flask by chance, and each quartile to either
        side: the middle one stays what was measured, and the others are put in order.
        """
        low, half, high = (max(0.0, each) for each in self.timing(name, operation).cpu.quartiles)
        return min(low, half), half, max(half, high)

    def milliseconds(self, name: str, operation: str) -> float:
        """How much later the answer comes, half of the time."""
        return max(0.0, self.timing(name, operation).wall.half) / 1000

    def times(self, name: str, operation: str) -> list[tuple[int, float]]:
        """Bytes of data in one field, and the microseconds that an operation adds with them."""
        found = self._find(self.bench.timings, name, operation)
        return [(each.size, max(0.0, each.cpu.half)) for each in found]

    def counts(self, name: str, operation: str) -> list[Count]:
        """What an operation does, by the size of a session whose data is in one field."""
        return self._find(self.bench.counts, name, operation)

    def count(self, name: str, operation: str) -> Count:
        """What an operation does with a small session."""
        return self._find_small(self.bench.counts, name, operation)

    def _find(self, measured: Sequence[Asked], name: str, operation: str) -> list[Asked]:
        """Those with the data in one field."""
        wanted = (name, operation, SMALL.fields)
        return [
            each for each in measured if (each.candidate, each.operation, each.fields) == wanted
        ]

    def _find_small(self, measured: Sequence[Asked], name: str, operation: str) -> Asked:
        for each in self._find(measured, name, operation):
            if each.shape == SMALL:
                return each
        raise LookupError(f"{operation} on {name} was not measured with a small session")

    def sent(self, name: str) -> list[tuple[int, int | None]]:
        """Bytes of data and of the `Cookie` with it, `None` for what does not fit."""
        return [
            (each.size, each.cookie_bytes) for each in self.bench.sent if each.candidate == name
        ]

    def kept(self, name: str) -> list[tuple[int, int]]:
        """The same, without what no browser keeps."""
        return [(size, cookie) for size, cookie in self.sent(name) if cookie is not None]

    def group_by_sent(self) -> dict[str, str]:
        """One of those that send the same cookies, whatever the size, by the title of them all."""
        grouped = group_by(filter(self.sent, self.names), lambda name: tuple(self.sent(name)))
        return {" · ".join(map(title_of, names)): names[0] for names in grouped.values()}

    def weights(self, name: str) -> list[tuple[int, int]]:
        """Bytes of data in one field, and of the session on the server."""
        return [
            (each.size, each.bytes)
            for each in self.bench.weights
            if each.candidate == name and each.fields == SMALL.fields
        ]

    def growth(self, name: str) -> list[Growth]:
        """What more and more stored sessions take; empty for a cookie, which stores none."""
        return [each for each in self.bench.growth if each.candidate == name]

    def million(self, name: str) -> str:
        """What a million sessions take, by the largest run: `381 MB of disk`."""
        return f"{format_bytes(self.growth(name)[-1].bytes_each * 10**6)} of {place_of(name)}"

    def recovery(self, name: str) -> Recovery | None:
        """How long an outage goes on; `None` for what asks no service."""
        return next((each for each in self.bench.recoveries if each.candidate == name), None)


def title_of(name: str) -> str:
    """As people call it."""
    return BACKENDS[name].title


def place_of(name: str) -> str:
    """What its sessions take on the server."""
    return "memory" if BACKENDS[name].on_redis else "disk"


def format_bytes(size: float) -> str:
    """In the unit that fits: `4.1 GB`."""
    return naturalsize(size, format="%.3g")
