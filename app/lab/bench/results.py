"""What a bench found out, and the same as JSON."""

from dataclasses import dataclass, field
from typing import Literal

import msgspec

from app.lab.reports.report import Circumstances, dump_by_line


@dataclass(frozen=True)
class Spread:
    """Microseconds, over all requests of a run."""

    least: float
    """The least of them."""
    quartiles: tuple[float, float, float]
    """A quarter, half and three quarters of the requests cost at most this."""

    @property
    def half(self) -> float:
        """The most that half of the requests cost."""
        return self.quartiles[1]


@dataclass(frozen=True)
class OfCandidate:
    """What was measured of one candidate."""

    candidate: str
    """Its name."""


@dataclass(frozen=True)
class OfShape(OfCandidate):
    """What was measured of one candidate with data of one shape."""

    size: int
    """Bytes of data in the session."""
    fields: int
    """How many fields they are in."""


@dataclass(frozen=True)
class Timing(OfShape):
    """What an operation costs over the same request without a session."""

    operation: str
    """What the request does with the session."""
    cpu: Spread
    """Of the client's processor."""
    wall: Spread
    """With the time in which the store works."""
    requests: int
    """How many were timed."""
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
    """What the request does with the session."""
    python_calls: int
    """Of functions in Python and in C, by cProfile."""
    redis_commands: int
    """As the client sends them: what a script calls does not count."""
    round_trips: int
    """How often the client waits for Redis."""
    bytes_to_redis: int
    """What the client sends."""
    bytes_from_redis: int
    """What the client receives."""
    file_calls: int
    """Files opened, renamed and so on, and read and write calls of the kernel."""
    cookie_bytes: int
    """Of the `Cookie` that was sent."""
    set_cookie_bytes: int
    """Of the `Set-Cookie` of the answer."""

    @property
    def redis_bytes(self) -> int:
        """To and from Redis."""
        return self.bytes_to_redis + self.bytes_from_redis


@dataclass(frozen=True)
class Sent(OfCandidate):
    """What a browser sends with each request after a login."""

    size: int
    """Bytes of data in the session."""
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
    """How many are stored."""
    bytes: int
    """Of Redis' memory, or allocated on the disk."""
    inodes: int
    """Their files and folders."""
    login: float
    """Microseconds of a login."""
    read: float
    """Microseconds of a read."""

    @property
    def bytes_each(self) -> float:
        """What one of them takes."""
        return self.bytes / self.sessions


@dataclass(frozen=True)
class Recovery(OfCandidate):
    """How long an outage goes on, from when Redis answers again until the session does."""

    seconds: float
    """Until the session is there again."""


@dataclass(frozen=True)
class Load(OfCandidate):
    """What gunicorn answers on loopback: one process with four threads, over eight connections.

    Each candidate has its turn for half a second.
    """

    operation: str
    """What the requests do with the session."""
    per_second: float
    """Requests a second."""
    to_bare: float
    """That, to the requests a second without a session."""
    p50_ms: float
    """Milliseconds within which half of them are answered."""
    p99_ms: float
    """Milliseconds within which all but a hundredth are answered."""


@dataclass(frozen=True)
class LeftOut(OfShape):
    """Who was not measured with this data: only what keeps a session is compared."""

    because: str
    """Why not."""


@dataclass(frozen=True)
class Bench:
    """All of a run."""

    circumstances: Circumstances
    """When, where and with which versions it was made."""
    folder: str
    """Where the files were."""
    candidates: list[str]
    """All that were to be measured."""
    is_complete: bool
    """Whether the run was not stopped."""
    left_out: list[LeftOut] = field(default_factory=list)
    """Who was not measured."""
    timings: list[Timing] = field(default_factory=list)
    """What requests cost."""
    counts: list[Count] = field(default_factory=list)
    """What requests do."""
    sent: list[Sent] = field(default_factory=list)
    """What browsers send."""
    weights: list[Weight] = field(default_factory=list)
    """What a session takes."""
    growth: list[Growth] = field(default_factory=list)
    """What many sessions cost."""
    recoveries: list[Recovery] = field(default_factory=list)
    """What an outage leaves."""
    loads: list[Load] = field(default_factory=list)
    """What a server answers; empty unless asked for."""
    format: Literal[2] = 2
    """The number of this format."""


def dump_bench(bench: Bench) -> str:
    """The bench as JSON, one line for each thing that was measured."""
    return dump_by_line(bench)


def parse_bench(text: str) -> Bench:
    """The bench that this JSON holds. Raises `ValueError` for anything else."""
    return msgspec.json.decode(text, type=Bench)
