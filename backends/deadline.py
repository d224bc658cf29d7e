"""One time limit for all that a step of a request asks of its store."""

import time
from contextlib import ContextDecorator
from contextvars import ContextVar

LIMIT_SECONDS = 0.45
"""For one step, loading or saving: a page that waits for it is there within a second."""

_ends: ContextVar[float] = ContextVar("_ends")


class one_deadline(ContextDecorator):  # noqa: N801 - used as a function; a generator would cost four times as much
    """Let everything inside end within `LIMIT_SECONDS` together.

    One inside another changes nothing.
    """

    def __enter__(self) -> None:
        outer = _ends.get(0.0)
        self._token = None if outer else _ends.set(time.monotonic() + LIMIT_SECONDS)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _ends.reset(self._token)

    def _recreate_cm(self) -> "one_deadline":
        return one_deadline()  # as a decorator: each call has its own


def seconds_left() -> float:
    """The seconds until the deadline, 0 or less after it; without one, those of a new one."""
    ends = _ends.get(0.0)
    return ends - time.monotonic() if ends else LIMIT_SECONDS
