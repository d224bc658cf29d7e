"""How long a request takes: a few requests of each candidate in turn, many times over.

pyperf runs one benchmark after the other, in processes of their own. On a machine that others use a
ratio of two such runs is one of two moments, and three runs differed by up to nine tenths. Here
requests of each follow those of the other within milliseconds, and half of many take less than what
counts. The least of them differed from run to run twice as much: whether Redis answers from another
core costs more than all else, and is a matter of luck.
"""

import gc
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter_ns, thread_time_ns
from typing import NamedTuple

from app.lab.bench.candidate import Ask

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

    def time_once(self, operation: str) -> Cost:
        """What one request costs."""
        cookie = self.cookie_for(operation)
        wall, cpu = perf_counter_ns(), thread_time_ns()
        self.ask(operation, cookie)
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
    logging.disable(logging.INFO)
    gc.collect()
    gc.freeze()  # what is there now is never looked at
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
        logging.disable(before)
