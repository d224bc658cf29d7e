"""After a failure, one request asks Redis again and the others do not wait."""

import logging
import time
from threading import Event, Thread
from types import SimpleNamespace

import pytest
import redis

from backends.failure_log import FailureLog
from backends.redis_access.client import RETRY_AFTER_SECONDS, CircuitBreaker
from backends.store import StoreUnavailable

TIME = "backends.redis_access.client.time"


def raise_timeout() -> None:
    raise redis.TimeoutError


def fail(breaker: CircuitBreaker) -> None:
    with pytest.raises(StoreUnavailable):
        breaker.call(raise_timeout)


def answer(breaker: CircuitBreaker) -> None:
    breaker.call(str)


def refused(breaker: CircuitBreaker) -> None:
    with pytest.raises(StoreUnavailable, match="a moment ago"):
        answer(breaker)


def test_an_answer_that_arrives_meanwhile_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    breaker = CircuitBreaker(FailureLog(logging.getLogger(__name__)))
    asked, arrives = Event(), Event()

    def slowly() -> None:
        asked.set()
        arrives.wait()

    slow = Thread(target=breaker.call, args=(slowly,))
    slow.start()
    asked.wait()
    fail(breaker)
    failed = time.monotonic()

    def the_answer_arrives() -> float:
        arrives.set()
        slow.join(0.1)
        return failed

    monkeypatch.setattr(TIME, SimpleNamespace(monotonic=the_answer_arrives))
    refused(breaker)
    slow.join()
    answer(breaker)


def test_one_request_asks_again_and_no_other_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(TIME, SimpleNamespace(monotonic=lambda: now))
    breaker = CircuitBreaker(FailureLog(logging.getLogger(__name__)))
    fail(breaker)
    now += RETRY_AFTER_SECONDS

    def others_ask() -> None:
        for _ in range(200):
            refused(breaker)

    breaker.call(others_ask)
    answer(breaker)
