"""What a bench found out: the types of its JSON."""

from dataclasses import dataclass, field
from typing import Literal

import msgspec

from app.lab.bench.candidate import Shape
from app.lab.reports.report import Circumstances

MANY_SESSIONS = 10_000
"""The most that are stored without `--full`."""


@dataclass(frozen=True)
class Spread:
    """Microseconds: of the fastest request, and within which 25, 50 and 75 % of them stay."""

    least: float
    quartiles: tuple[float, float, float]

    @property
    def half(self) -> float:
        """The most that half of the requests cost."""
        return self.quartiles[1]


@dataclass(frozen=True)
class OfCandidate:
    """What was measured of one candidate."""

    candidate: str


@dataclass(frozen=True)
class OfShape(OfCandidate):
    """What was measured of one candidate with so many bytes of data, in so many fields."""

    size: int
    fields: int

    @property
    def shape(self) -> Shape:
        return Shape(self.size, self.fields)


@dataclass(frozen=True)
class Timing(OfShape):
    """What an operation costs over the same request without a session.

    `cpu` is of the client's processor; `wall` also has the time in which the store works.
    """

    operation: str
    cpu: Spread
    wall: Spread
    requests: int
    bare: str
    """Whose cost without a session is subtracted; its own is whole."""
    ships: str | None
    """What it is compared with."""
    ratio: float | None
    """Of the processor's time, on average of the fastest quarter of the requests, to that of what
    ships; `None` if nothing ships, or if that takes none."""


@dataclass(frozen=True)
class Count(OfShape):
    """What one request does in whole: what it does without a session is to be subtracted."""

    operation: str
    python_calls: int
    """Of functions in Python and in C, by cProfile."""
    redis_commands: int
    """As the client sends them: what a script calls does not count."""
    round_trips: int
    """How often Redis answers."""
    bytes_to_redis: int
    bytes_from_redis: int
    file_calls: int
    """Files opened, renamed and so on, and read and write calls of the kernel."""
    cookie_bytes: int
    """Of the `Cookie` that was sent."""
    set_cookie_bytes: int

    @property
    def redis_bytes(self) -> int:
        """To and from Redis."""
        return self.bytes_to_redis + self.bytes_from_redis


@dataclass(frozen=True)
class Sent(OfCandidate):
    """What a browser sends with each request after a login, by bytes of data."""

    size: int
    cookie_bytes: int | None
    """Of the session's `Cookie`; `None` if the session is refused, or no browser keeps it."""


@dataclass(frozen=True)
class Weight(OfShape):
    """What a session takes on the server: of Redis memory, or of the disk as it allocates it."""

    bytes: int
    """On average of many."""


@dataclass(frozen=True)
class Growth(OfCandidate):
    """What stored sessions take together, and what a request costs beside them.

    Microseconds on the wall, the least of several.
    """

    sessions: int
    bytes: int
    """Of Redis' memory, or allocated on the disk."""
    inodes: int
    """Their files and folders."""
    login: float
    read: float

    @property
    def bytes_each(self) -> float:
        """What one of them takes."""
        return self.bytes / self.sessions


@dataclass(frozen=True)
class Recovery(OfCandidate):
    """How long an outage goes on, from when Redis answers again until the session does."""

    seconds: float


@dataclass(frozen=True)
class Load(OfCandidate):
    """What gunicorn answers on loopback: one process with four threads, over eight connections.

    Each candidate has its turn for half a second.
    """

    operation: str
    per_second: float
    to_bare: float
    """That, to the requests a second without a session."""
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class LeftOut(OfShape):
    """Who was not measured with this data: only what keeps a session is compared."""

    because: str


@dataclass(frozen=True)
class Bench:
    """All of a run. `loads` is empty unless asked for."""

    circumstances: Circumstances
    folder: str
    """Where the files were."""
    candidates: list[str]
    """All that were to be measured."""
    is_complete: bool
    """Whether the run was not stopped."""
    left_out: list[LeftOut] = field(default_factory=list)
    timings: list[Timing] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    weights: list[Weight] = field(default_factory=list)
    growth: list[Growth] = field(default_factory=list)
    recoveries: list[Recovery] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)
    format: Literal[2] = 2
    """The number of this format."""


def parse_bench(text: str) -> Bench:
    """The bench that this JSON holds. Raises `ValueError` for anything else."""
    return msgspec.json.decode(text, type=Bench)
