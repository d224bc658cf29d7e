"""A run of the bench: every candidate with every shape in turn, for so many rounds."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, suppress
from datetime import UTC, datetime
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from app.lab.bench.candidate import BARE, OPERATIONS, SHAPES, Candidate, Shape, find_fault
from app.lab.bench.counting import count_requests
from app.lab.bench.growth import measure_among, measure_sent, time_recovery, weigh_session
from app.lab.bench.load import measure_load
from app.lab.bench.place import Place, empty_places
from app.lab.bench.results import Bench, LeftOut
from app.lab.bench.timing import Cost, compare_costs, log_in, time_in_turn, undisturbed
from app.lab.reports.report import describe_circumstances
from app.lab.stores.redis_server import RedisServer, redis_version

NO_REDIS = "no redis-server is here: apt-get install redis-server"
LOADED = ("untouched", "read", "write", "login")
MANY_SESSIONS = 10_000
STORED = (100, MANY_SESSIONS, 100_000, 1_000_000)
"""Sessions beside which others are measured."""


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

Measure = Callable[[Candidate, Shape, Place], Iterable[Any]]
"""What it finds out is of one of the types in a `Bench`."""


def run_bench(candidates: Mapping[str, Candidate], options: Options, watch: Watch) -> Bench:
    """Measure all candidates. Ctrl-C ends it, and what was measured is kept."""
    moment, begun = datetime.now(UTC), time.perf_counter()
    version, is_complete = redis_version(), False
    with ExitStack() as stack:
        server = stack.enter_context(closing(RedisServer())) if version else None
        stack.enter_context(undisturbed())
        run = _Run(options, server)
        with suppress(KeyboardInterrupt):
            run.choose_fit(candidates.values())
            for step in watch([*run.list_steps()]):
                step.act()
            is_complete = True
    circumstances = describe_circumstances(
        moment,
        time.perf_counter() - begun,
        f"Redis {version}, on a Unix socket" if version else NO_REDIS,
        "none: an application is asked in the process",
    )
    return Bench(circumstances, str(options.folder), [*candidates], is_complete, **run.list_found())


class _Run:
    """What was measured so far."""

    def __init__(self, options: Options, server: RedisServer | None) -> None:
        self._options, self._server = options, server
        self._fit: dict[Shape, list[Candidate]] = {shape: [] for shape in options.shapes}
        self._costs: dict[Shape, defaultdict[tuple[str, str], list[Cost]]] = {}
        self._found: defaultdict[str, list[Any]] = defaultdict(list)

    def choose_fit(self, candidates: Iterable[Candidate]) -> None:
        """Leave out who does not keep a session: what forgets is fast for nothing."""
        for shape, candidate in product(self._options.shapes, candidates):
            fault = self._find_fault(candidate, shape)
            if fault is None:
                self._fit[shape].append(candidate)
            else:
                self._found["left_out"].append(LeftOut(candidate.name, *shape, fault))

    def _find_fault(self, candidate: Candidate, shape: Shape) -> str | None:
        if candidate.on_redis and not self._server:
            return NO_REDIS
        if candidate.is_bare:
            return None
        with self._empty_places(1) as (place,):
            return find_fault(candidate.make(place, shape))

    def list_steps(self) -> Iterator[Step]:
        """All parts of the run; the rounds, on which most depends, come first."""
        options, small = self._options, self._options.shapes[0]
        for shape in options.shapes * options.rounds:
            yield Step(0.5, partial(self._time, shape))
        for shape in options.shapes:
            for each in self._fit[shape]:
                yield self._plan(0.15, "counts", count_requests, each, shape)
                yield self._plan(0.05, "weights", weigh_session, each, shape)
        for each in self._fit[small]:
            if not each.is_bare:
                yield self._plan(0.2, "sent", measure_sent, each, small)
            if each.on_redis or each.in_files:
                most = options.most_in_redis if each.on_redis else options.most_in_files
                for sessions in (number for number in STORED if number <= most):
                    measure = partial(measure_among, sessions)
                    yield self._plan(0.1 + sessions / 5000, "growth", measure, each, small)
            if each.on_redis:
                yield self._plan(1.0, "recoveries", time_recovery, each, small)
        for operation in LOADED if options.http else ():
            yield Step(20.0, partial(self._load, small, operation))

    def list_found(self) -> dict[str, Any]:
        """All that was found, by the field of a `Bench` that it is for."""
        timings = [
            timing
            for shape, costs in self._costs.items()
            for timing in compare_costs(self._fit[shape], shape, costs)
        ]
        return {**self._found, "timings": timings}

    def _empty_places(self, count: int) -> AbstractContextManager[list[Place]]:
        return empty_places(self._options.folder, self._server, count)

    def _time(self, shape: Shape) -> None:
        """One round on new applications, which counts only as a whole."""
        fit = self._fit[shape]
        with self._empty_places(len(fit)) as places:
            clients = {
                each.name: log_in(each.make(place, shape))
                for each, place in zip(fit, places, strict=True)
            }
            costs = [
                (name, operation, cost)
                for operation in OPERATIONS
                for name, cost in time_in_turn(clients, operation, self._options.turns)
            ]
        for name, operation, cost in costs:
            self._costs.setdefault(shape, defaultdict(list))[name, operation].append(cost)

    def _plan(
        self, seconds: float, kind: str, measure: Measure, candidate: Candidate, shape: Shape
    ) -> Step:
        """The step that measures one candidate alone, in a place of its own."""

        def act() -> None:
            with self._empty_places(1) as (place,):
                self._found[kind] += measure(candidate, shape, place)

        return Step(seconds, act)

    def _load(self, shape: Shape, operation: str) -> None:
        fit = [each for each in self._fit[shape] if each.bare == BARE]  # gunicorn serves Flask
        with self._empty_places(len(fit)) as places:
            self._found["loads"] += measure_load(fit, shape, places, operation)
