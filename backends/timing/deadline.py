"""One time limit for all that a step of a request asks of its store."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

LIMIT_SECONDS = 0.45
"""For one step, loading or saving: a page that waits for it is there within a second."""

START_SECONDS = 30
"""For a start: it waits for the processes that start with it, and for one that mends a log."""

_ends: ContextVar[float] = ContextVar("_ends")


class one_deadline:  # noqa: N801 - used as a function; a generator would cost four times as much
    """Let everything inside end within `LIMIT_SECONDS` together.

    One inside another changes nothing.
    """

    def __enter__(self) -> None:
        outer = _ends.get(0.0)
        self._token = None if outer else _ends.set(time.monotonic() + LIMIT_SECONDS)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _ends.reset(self._token)


def within_deadline(step: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Let each call of the function have one deadline, as `one_deadline`."""

    @wraps(step)
    def within(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        if _ends.get(0.0):
            return step(*args, **kwargs)
        token = _ends.set(time.monotonic() + LIMIT_SECONDS)  # as `one_deadline`, without its calls
        try:
            return step(*args, **kwargs)
        finally:
            _ends.reset(token)

    return within


@contextmanager
def time_to_start() -> Iterator[None]:
    """Let everything inside end within `START_SECONDS` together: no visitor waits for it."""
    token = _ends.set(time.monotonic() + START_SECONDS)
    try:
        yield
    finally:
        _ends.reset(token)


def seconds_left() -> float:
    """The seconds until the deadline, 0 or less after it; without one, those of a new one."""
    ends = _ends.get(0.0)
    return ends - time.monotonic() if ends else LIMIT_SECONDS
