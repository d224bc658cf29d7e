"""A run of the bench: every candidate with every shape in turn, for so many rounds."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from app.lab.bench.candidate import (
    OPERATIONS,
    SHAPES,
    Candidate,
    Shape,
    find_fault,
    find_sent_bytes,
)
from app.lab.bench.counting import RedisWire, count_request
from app.lab.bench.growth import measure_among, time_recovery, weigh_session
from app.lab.bench.load import load, serve
from app.lab.bench.place import Ground
from app.lab.bench.results import (
    Bench,
    Costs,
    LeftOut,
    Recovery,
    Sent,
    Timing,
    Weight,
    compare_costs,
    summarize_loads,
)
from app.lab.bench.timing import log_in, time_in_turn, undisturbed
from app.lab.reports.report import describe_circumstances
from app.lab.stores.redis_server import redis_version

NO_REDIS = "no redis-server is here: apt-get install redis-server"
LOADED = ("untouched", "read", "write", "login")
LOAD_SECONDS, LOAD_TURNS = 0.5, 4
FEW_SESSIONS, MANY_SESSIONS = 100, 10_000
"""Stored beside those that are measured; more are ten times as many each time."""

SENT_SIZES = (50, *range(250, 4_500, 250))
"""Bytes of data, until more than a cookie holds."""


class Options(NamedTuple):
    """How much is measured, and where files are."""

    folder: Path
    most_in_files: int = MANY_SESSIONS
    """The most stored sessions beside which others are measured."""
    most_in_redis: int = MANY_SESSIONS
    http: bool = False
    rounds: int = 18
    turns: int = 3
    """Of each candidate for each operation in each round."""
    shapes: tuple[Shape, ...] = SHAPES


class Step(NamedTuple):
    """A part of a run, and about how many seconds it takes."""

    seconds: float
    act: Callable[[], None]


Watch = Callable[[Sequence[Step]], Iterator[Step]]
"""Yields each step when it is its turn."""


def run_bench(candidates: dict[str, Candidate], options: Options, watch: Watch) -> Bench:
    """Measure all candidates. Ctrl-C ends it, and what was measured is kept."""
    moment, begun = datetime.now(UTC), time.perf_counter()
    is_complete = False
    with Ground(options.folder) as ground, undisturbed():
        run = _Run(candidates, options, ground)
        try:
            for step in watch(list(run.list_steps())):
                step.act()
            is_complete = True
        except KeyboardInterrupt:
            pass
    version = redis_version()
    circumstances = describe_circumstances(
        moment,
        time.perf_counter() - begun,
        f"Redis {version}, on a Unix socket" if version else NO_REDIS,
        "none: an application is asked in the process",
    )
    return Bench(
        circumstances,
        str(options.folder),
        list(candidates),
        is_complete,
        timings=run.compare(),
        **run.found,
    )


def count_up(most: int) -> Iterator[int]:
    """Numbers of stored sessions: a few, and then ten times as many each time."""
    yield FEW_SESSIONS
    count = MANY_SESSIONS
    while count <= most:
        yield count
        count *= 10


class _Run:
    """What was measured so far."""

    def __init__(self, candidates: dict[str, Candidate], options: Options, ground: Ground) -> None:
        self._candidates = candidates
        self._options = options
        self._ground = ground
        self._fit: dict[Shape, list[Candidate]] = {}
        self._costs: defaultdict[Shape, Costs] = defaultdict(lambda: defaultdict(list))
        self.found: defaultdict[str, Any] = defaultdict(list)

    def list_steps(self) -> Iterator[Step]:
        """All parts of the run; the rounds, on which most depends, come first."""
        shapes, small = self._options.shapes, self._options.shapes[0]
        for shape in shapes:
            yield Step(0.2, partial(self._find_fitting, shape))
        for shape in shapes * self._options.rounds:
            yield Step(0.5, partial(self._time, shape))
        for shape in shapes:
            yield Step(1.0, partial(self._count, shape))
        for candidate in self._candidates.values():
            if candidate.name != candidate.bare:
                yield Step(0.2, partial(self._send, candidate))
            if candidate.on_redis or candidate.in_files:
                yield Step(4.0, partial(self._grow, small, candidate))
            if candidate.on_redis:
                yield Step(1.0, partial(self._recover, small, candidate))
        for operation in LOADED if self._options.http else ():
            yield Step(20.0, partial(self._load, small, operation))

    def _find_fitting(self, shape: Shape) -> None:
        """Leave out who does not keep such a session: what forgets is fast for nothing."""
        self._fit[shape] = []
        for candidate in self._candidates.values():
            fault = self._find_fault(candidate, shape)
            if fault is None:
                self._fit[shape].append(candidate)
            else:
                self.found["left_out"].append(LeftOut(candidate.name, *shape, fault))

    def _find_fault(self, candidate: Candidate, shape: Shape) -> str | None:
        if candidate.on_redis and not self._ground.server:
            return NO_REDIS
        if candidate.bare == candidate.name:
            return None
        with self._ground.empty_place() as place:
            return find_fault(candidate.make(place, shape))

    def _time(self, shape: Shape) -> None:
        """One round on new applications."""
        fit, costs = self._fit[shape], self._costs[shape]
        with self._ground.empty_places(len(fit)) as places:
            clients = {
                each.name: log_in(each.make(place, shape))
                for each, place in zip(fit, places, strict=True)
            }
            for operation in OPERATIONS:
                for name, cost in time_in_turn(clients, operation, self._options.turns):
                    costs[name, operation].append(cost)

    def _count(self, shape: Shape) -> None:
        """Count what a request does, and weigh a session."""
        server = self._ground.server
        for candidate in self._fit[shape]:
            wired = RedisWire(server.socket, self._ground.folder) if server else nullcontext()
            with self._ground.empty_place() as place, wired as wire:
                url = wire.url if wire else None
                client = log_in(candidate.make(place._replace(redis_url=url), shape))
                self.found["counts"] += [
                    count_request(candidate, shape, operation, client, place.folder, wire)
                    for operation in OPERATIONS
                ]
            with self._ground.empty_place() as place:
                weight = weigh_session(candidate, shape, place, self._ground)
                self.found["weights"].append(Weight(candidate.name, *shape, weight))

    def _send(self, candidate: Candidate) -> None:
        """Log in with more and more data, and see what a browser sends then."""
        if candidate not in self._fit[self._options.shapes[0]]:
            return
        for size in SENT_SIZES:
            with self._ground.empty_place() as place:
                sent = find_sent_bytes(candidate.make(place, Shape(size, 1)))
                self.found["sent"].append(Sent(candidate.name, size, sent))

    def _grow(self, shape: Shape, candidate: Candidate) -> None:
        if candidate not in self._fit[shape]:
            return
        most = self._options.most_in_redis if candidate.on_redis else self._options.most_in_files
        for sessions in count_up(most):
            with self._ground.empty_place() as place:
                self.found["growth"].append(
                    measure_among(candidate, shape, sessions, place, self._ground)
                )

    def _recover(self, shape: Shape, candidate: Candidate) -> None:
        if candidate in self._fit[shape]:
            with self._ground.empty_place() as place:
                seconds = time_recovery(candidate, shape, place, self._ground)
                self.found["recoveries"].append(Recovery(candidate.name, round(seconds, 2)))

    def _load(self, shape: Shape, operation: str) -> None:
        """Let a server of each candidate run, and load one after the other for a short time."""
        fit = [each for each in self._fit[shape] if each.serves_http]
        times: dict[str, list[float]] = defaultdict(list)
        with ExitStack() as stack:
            places = stack.enter_context(self._ground.empty_places(len(fit)))
            ports = [
                stack.enter_context(serve(each.name, place, shape))
                for each, place in zip(fit, places, strict=True)
            ]
            for _ in range(LOAD_TURNS):
                for each, port in zip(fit, ports, strict=True):
                    times[each.name] += load(port, operation, LOAD_SECONDS)
        self.found["loads"] += summarize_loads(fit, operation, times, LOAD_TURNS * LOAD_SECONDS)

    def compare(self) -> list[Timing]:
        """What each operation costs over all rounds."""
        return [
            timing
            for shape, costs in self._costs.items()
            for timing in compare_costs(self._fit[shape], shape, costs)
        ]
