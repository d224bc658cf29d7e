"""How long a request takes: a few requests of each candidate in turn, many times over.

pyperf runs one benchmark after the other. On a machine that others use a ratio of two such runs is
one of two moments, and three runs differed by up to nine tenths; here requests of each follow those
of the other within milliseconds. Ratios are those of the fastest quarter, on average: on a busy
machine those of three runs agreed within a tenth, and those of half of the requests, or of the
least, differed by more.
"""

import gc
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from statistics import fmean, quantiles
from time import perf_counter_ns, thread_time_ns
from typing import NamedTuple

from app.lab.bench.candidate import OPERATIONS, Candidate, Shape
from app.lab.bench.results import Spread, Timing
from app.lab.bench.trial import Trial
from app.web.log import log_disabled

WARM_UP = 3

IN_A_ROW = 5
"""Requests of one candidate before the next has its turn. A server answers one application, whose
code stays in the processor's caches: after one request of each other candidate it would not."""


class Cost(NamedTuple):
    """Microseconds of one request: of this thread's processor, and on the wall."""

    cpu: float
    wall: float


NOTHING = (Cost(0, 0), Cost(0, 0))

RequestKind = tuple[Shape, str, str]
"""The data of the session, the operation, and the candidate that is asked."""


def time_requests(turns: int, *trials: Trial) -> Iterator[tuple[RequestKind, Cost]]:
    """What each of some requests to new applications costs; another begins each turn."""
    clients = [(trial.candidate.name, trial.start()) for trial in trials]
    for operation in OPERATIONS:
        for _, client in clients * WARM_UP:
            client.prepare(operation)()
        gc.collect()
        for turn in range(turns):
            first = turn % len(clients)
            for name, client in clients[first:] + clients[:first]:
                for _ in range(IN_A_ROW):
                    yield (trials[0].shape, operation, name), _time(client.prepare(operation))


def _time(request: Callable[[], object]) -> Cost:
    wall, cpu = perf_counter_ns(), thread_time_ns()
    request()
    cpu, wall = thread_time_ns() - cpu, perf_counter_ns() - wall
    return Cost(cpu / 1000, wall / 1000)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let no request pay for the garbage of others, nor for lines of a log that nobody reads."""
    gc.collect()
    gc.freeze()  # what is there now is never looked at
    gc.disable()
    try:
        # Flask warns of a cookie that is too large.
        with log_disabled(), warnings.catch_warnings(action="ignore"):
            yield
    finally:
        gc.enable()
        gc.unfreeze()


def compare_costs(
    candidates: Mapping[str, Candidate], timed: Iterable[tuple[RequestKind, Cost]]
) -> Iterator[Timing]:
    """What each operation costs each candidate, over all requests."""
    costs: defaultdict[RequestKind, list[Cost]] = defaultdict(list)
    for kind, cost in timed:
        costs[kind].append(cost)
    for (shape, operation, name), own in costs.items():
        candidate = candidates[name]
        bare = costs[shape, operation, candidate.bare]
        ships = costs.get((shape, operation, candidate.ships or ""))
        below = NOTHING if candidate.is_bare else bare
        cpu, wall = map(_subtract, zip(*own, strict=True), zip(*below, strict=True))
        ratio = _find_ratio(own, ships, bare) if ships else None
        yield Timing(
            *(name, *shape, operation, cpu, wall, len(own), candidate.bare, candidate.ships, ratio)
        )


def _subtract(own: Sequence[float], bare: Sequence[float]) -> Spread:
    """What requests cost over those without a session, least by least, half by half."""
    least, low, half, high = (
        round(a - b, 2) for a, b in zip(_spread(own), _spread(bare), strict=True)
    )
    return Spread(least, (low, half, high))


def _spread(values: Sequence[float]) -> list[float]:
    return [min(values), *quantiles(values, n=4, method="inclusive")]


def _find_ratio(*costs: Sequence[Cost]) -> float | None:
    """The ratio to what ships, if that costs what a few requests can tell from bare Flask."""
    own, ships, bare = (
        fmean(sorted(cost.cpu for cost in each)[: ceil(len(each) / 4)]) for each in costs
    )
    return round((own - bare) / (ships - bare), 3) if ships > bare else None
