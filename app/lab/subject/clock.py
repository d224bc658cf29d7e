"""Time that an experiment sets: it stands still, for the whole process, until it is moved."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import time_machine


class Clock(Protocol):
    def shift(self, delta: float) -> None:
        """Move it by so many seconds."""


@contextmanager
def set_clock() -> Iterator[Clock]:
    """`time.time` and all that builds on it stand still from now on.

    Flask-Session, cachelib, itsdangerous and the embedded Redis have no clock that could be given
    to them, so the process's own is set. `time.monotonic` goes on: waits and timeouts are real.
    """
    with time_machine.travel(time.time(), tick=False) as traveller:
        yield traveller
