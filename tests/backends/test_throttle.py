"""What waits for a moment to pass, where the clock of the moments was set back."""

import logging
from types import SimpleNamespace

import pytest

from backends.failure_log import FailureLog
from backends.redis_access import circuit_breaker
from backends.redis_access.circuit_breaker import CircuitBreaker
from backends.store import StoreUnavailable
from backends.timing import throttle
from backends.timing.throttle import Throttle
from tests.support.failures import raising


def test_a_clock_that_was_set_back_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Freezegun sets `time.monotonic` to the date, and takes that back after a test."""
    now = 1_800_000_000.0
    for module in (circuit_breaker, throttle):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))
    breaker, admits = CircuitBreaker(FailureLog(logging.getLogger(__name__))), Throttle()
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            breaker.call(raising(OSError))
    assert (admits.admit(), admits.admit()) == (0, None)
    now = 300.0
    assert breaker.call(lambda: "answer") == "answer"
    assert (admits.admit(), admits.admit()) == (1, None)
