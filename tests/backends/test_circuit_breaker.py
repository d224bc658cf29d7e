"""After a failure, one request asks Redis again and the others do not wait."""

import logging
import time
from threading import Thread
from types import SimpleNamespace

import pytest
import redis

from backends.failure_log import FailureLog
from backends.redis_access.client import RETRY_AFTER_SECONDS, CircuitBreaker
from backends.store import StoreUnavailable

TIME = "backends.redis_access.client.time"


def fail(breaker: CircuitBreaker) -> None:
    with pytest.raises(StoreUnavailable), breaker:
        raise redis.TimeoutError


def answer(breaker: CircuitBreaker) -> None:
    with breaker:
        pass


def refused(breaker: CircuitBreaker) -> None:
    with pytest.raises(StoreUnavailable, match="a moment ago"), breaker:
        pass


def test_an_answer_that_arrives_meanwhile_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    breaker = CircuitBreaker(FailureLog(logging.getLogger(__name__)))
    breaker.__enter__()  # a slow request
    fail(breaker)
    failed = time.monotonic()
    arrival = Thread(target=breaker.__exit__, args=(None, None, None))

    def the_answer_arrives() -> float:
        arrival.start()
        arrival.join(0.1)
        return failed

    monkeypatch.setattr(TIME, SimpleNamespace(monotonic=the_answer_arrives))
    refused(breaker)
    arrival.join()
    answer(breaker)


def test_one_request_asks_again_and_no_other_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(TIME, SimpleNamespace(monotonic=lambda: now))
    breaker = CircuitBreaker(FailureLog(logging.getLogger(__name__)))
    fail(breaker)
    now += RETRY_AFTER_SECONDS
    with breaker:
        for _ in range(200):
            refused(breaker)
    answer(breaker)
