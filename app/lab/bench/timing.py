"""How long a request takes: a few requests of each candidate in turn, many times over.

pyperf runs one benchmark after the other, in processes of their own. On a machine that others use a
ratio of two such runs is one of two moments, and three runs differed by up to nine tenths. Here
requests of each follow those of the other within milliseconds.

Ratios are those of the fastest quarter, on average. On a busy machine those of three runs agreed
within a tenth, where the ratios of all requests, by half of them, differed by up to a quarter, and
those of the least by a seventh: whether Redis answers from another core is a matter of luck.
"""

import gc
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import product
from math import ceil
from statistics import fmean, quantiles
from time import perf_counter_ns, thread_time_ns
from typing import NamedTuple

from app.lab.bench.candidate import OPERATIONS, Answer, Ask, Candidate, Shape
from app.lab.bench.results import Spread, Timing

WARM_UP = 3

IN_A_ROW = 5
"""Requests of one candidate before the next has its turn. A server answers one application, whose
code stays in the processor's caches: after one request of each other candidate it would not."""

NANOSECONDS = 1000
"""In a microsecond."""


class Cost(NamedTuple):
    """Microseconds of one request: of this thread's processor, and on the wall."""

    cpu: float
    wall: float


Costs = Mapping[tuple[str, str], Sequence[Cost]]
"""The cost of each request, by candidate and operation."""


class BenchClient(NamedTuple):
    """Who asks, with the cookie of a session that was just begun."""

    ask: Ask
    cookie: str | None

    def cookie_for(self, operation: str) -> str | None:
        """The cookie to ask with: none to log in, and for each logout that of another session."""
        match operation:
            case "login":
                return None
            case "logout":
                return self.ask("login", None).cookie
            case _:
                return self.cookie

    def prepare(self, operation: str) -> Callable[[], Answer]:
        """A request with its cookie, which is sent when it is called."""
        return partial(self.ask, operation, self.cookie_for(operation))

    def time_once(self, operation: str) -> Cost:
        """What one request costs."""
        request = self.prepare(operation)
        wall, cpu = perf_counter_ns(), thread_time_ns()
        request()
        cpu, wall = thread_time_ns() - cpu, perf_counter_ns() - wall
        return Cost(cpu / NANOSECONDS, wall / NANOSECONDS)


def log_in(ask: Ask) -> BenchClient:
    """A client who is logged in."""
    return BenchClient(ask, ask("login", None).cookie)


def time_in_turn(
    clients: Mapping[str, BenchClient], operation: str, rounds: int
) -> Iterator[tuple[str, Cost]]:
    """The cost of each request, by whose turn it was; another begins each round."""
    for client in clients.values():
        for _ in range(WARM_UP):
            client.time_once(operation)
    gc.collect()
    turns = list(clients.items())
    for _ in range(rounds):
        turns.append(turns.pop(0))
        for name, client in turns:
            for _ in range(IN_A_ROW):
                yield name, client.time_once(operation)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let no request pay for the garbage of others, nor for lines of a log that nobody reads."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    gc.collect()
    gc.freeze()  # what is there now is never looked at
    gc.disable()
    try:
        with warnings.catch_warnings(action="ignore"):  # Flask's own, of a cookie that is too large
            yield
    finally:
        gc.enable()
        gc.unfreeze()
        logging.disable(before)


def compare_costs(candidates: Sequence[Candidate], shape: Shape, costs: Costs) -> Iterator[Timing]:
    """What each operation costs each candidate, over all requests."""
    for operation, each in product(OPERATIONS, candidates):
        cpu, wall = (_spread(each, operation, costs, clock) for clock in Cost._fields)
        requests, ratio = len(costs[each.name, operation]), _compare(each, operation, costs)
        yield Timing(
            *(each.name, *shape, operation, cpu, wall, requests, each.bare, each.ships, ratio)
        )


def _spread(candidate: Candidate, operation: str, costs: Costs, clock: str) -> Spread:
    """What its requests cost over those without a session, least by least, half by half."""
    own, bare = (
        _quantiles([getattr(cost, clock) for cost in costs[name, operation]])
        for name in (candidate.name, candidate.bare)
    )
    if candidate.is_bare:
        bare = [0.0] * len(own)
    least, low, half, high = (round(a - b, 2) for a, b in zip(own, bare, strict=True))
    return Spread(least, (low, half, high))


def _quantiles(values: Sequence[float]) -> list[float]:
    return [min(values), *quantiles(values, n=4, method="inclusive")]


def _compare(candidate: Candidate, operation: str, costs: Costs) -> float | None:
    """The ratio to what ships, if that costs what a few requests can tell from bare Flask."""
    if not candidate.ships or (candidate.ships, operation) not in costs:
        return None
    own, ships, bare = (
        _mean_of_fastest_quarter([cost.cpu for cost in costs[name, operation]])
        for name in (candidate.name, candidate.ships, candidate.bare)
    )
    return round((own - bare) / (ships - bare), 3) if ships > bare else None


def _mean_of_fastest_quarter(values: Sequence[float]) -> float:
    return fmean(sorted(values)[: ceil(len(values) / 4)])
