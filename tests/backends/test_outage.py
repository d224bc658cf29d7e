"""How often a Redis that failed is asked again, and by whom."""

import time
from threading import Thread
from types import SimpleNamespace

import pytest
import redis

from backends.redis_client import RETRY_AFTER_SECONDS, CircuitBreaker
from backends.store import StoreUnavailable
from backends.throttle import Throttle


def test_an_answer_that_arrives_while_another_request_waits_its_turn_is_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outage = CircuitBreaker(Throttle())
    slow = outage.guard()
    slow.__enter__()
    with pytest.raises(StoreUnavailable), outage.guard():
        raise redis.ConnectionError
    failed = time.monotonic()
    answer = Thread(target=slow.__exit__, args=(None, None, None))

    def the_answer_arrives() -> float:
        answer.start()
        answer.join(0.1)
        return failed

    monkeypatch.setattr("backends.redis_client.time", SimpleNamespace(monotonic=the_answer_arrives))
    with pytest.raises(StoreUnavailable, match="a moment ago"), outage.guard():
        pass
    answer.join()
    with outage.guard():
        pass


def test_while_one_request_asks_a_failed_redis_again_no_other_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr("backends.redis_client.time", SimpleNamespace(monotonic=lambda: now))
    outage = CircuitBreaker(Throttle())
    with pytest.raises(StoreUnavailable), outage.guard():
        raise redis.TimeoutError
    now += RETRY_AFTER_SECONDS
    with outage.guard():
        for _ in range(200):
            with pytest.raises(StoreUnavailable, match="a moment ago"), outage.guard():
                pass
    with outage.guard():
        pass
