"""Calls that are made at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

Outcome = TypeVar("Outcome")


def together(*calls: Callable[[], Outcome]) -> list[Outcome]:
    """Make all the calls at once, each in a thread of its own; what they gave, in their order."""
    barrier = Barrier(len(calls))

    def call(one: Callable[[], Outcome]) -> Outcome:
        barrier.wait()
        return one()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))
