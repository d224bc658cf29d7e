"""The circuit breaker: a server that failed is asked again by one request in half a second.

It knows nothing of sessions and their records.
"""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any, NoReturn

import redis
from redis.exceptions import ClusterDownError, MaxConnectionsError, NoScriptError

from backends.failure_log import FailureLog
from backends.redis_access.answers import FAILURES, describe_answer, explain
from backends.redis_access.pool import NoNewConnectionError, ShortageError, TimeUsedUpError
from backends.store import StoreUnavailable

SHORTAGES = (MaxConnectionsError, NoNewConnectionError, ShortageError, TimeUsedUpError)
"""What says nothing of other requests, which may have connections and time."""

RETRY_AFTER_SECONDS = 0.5
"""After a failure, one request in this time tries again; the others fail at once.

A frozen server would otherwise block every thread for its timeout, also those that serve pages
without a session.
"""


class CircuitBreaker:
    """Asks a server; after a failure, only once in `RETRY_AFTER_SECONDS`."""

    def __init__(self, failures: FailureLog) -> None:
        """`failures` may be the log of several servers."""
        self._lock = Lock()
        self._next_try: float | None = None
        self._failures = failures

    def call(self, ask: Callable[..., Any], *args: Any) -> Any:
        """The server's answer.

        Raises `StoreUnavailable` for a failure, `ValueError` for a key of another type, and
        `NoScriptError`.
        """
        if self._next_try is not None:
            self._check_turn()
        try:
            answer = ask(*args)
        except NoScriptError:
            self._try_again_at(None)  # the script is sent then, and must not be refused here
            raise
        except FAILURES as error:
            self._explain(error)
        if self._next_try is not None:
            self._try_again_at(None)
        return answer

    def _explain(self, error: Exception) -> NoReturn:
        if str(error).startswith("WRONGTYPE"):
            self._try_again_at(None)
            raise ValueError("the key holds another type") from error
        if _is_outage(error):
            self._try_again_at(time.monotonic() + RETRY_AFTER_SECONDS)
        reason = describe_answer(error)
        # A cause that repeats a command may show its password in a log.
        cause = error if reason == str(error) else None
        raise self._failures.unavailable(f"Redis: {explain(error)}") from cause

    def _try_again_at(self, moment: float | None) -> None:
        with self._lock:
            self._next_try = moment

    def _check_turn(self) -> None:
        with self._lock:
            if self._next_try is None:
                return
            # Not for longer: in an application's tests freezegun sets this clock back.
            if 0 < self._next_try - time.monotonic() < 2 * RETRY_AFTER_SECONDS:
                raise StoreUnavailable("Redis did not answer a moment ago")
            self._next_try = time.monotonic() + RETRY_AFTER_SECONDS


def _is_outage(error: Exception) -> bool:
    """Whether others need not ask for a while; a shortage of connections or time is none."""
    if isinstance(error, SHORTAGES):
        return False
    return not isinstance(error, redis.ResponseError) or isinstance(error, ClusterDownError)
