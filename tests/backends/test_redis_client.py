"""How long a page waits for Redis at most, by the timeouts of the connections that it uses."""

from typing import Any

import pytest

from backends.redis_client import connect

SLOW_ANSWER, PAGE = 0.3, 1.0
"""Seconds: a server that takes so long for an answer is in use, and a page is there by then."""


def timeouts(client: Any) -> tuple[float, float]:
    """For a connection and for an answer; neither is waited for twice."""
    connection = client.connection_pool.make_connection()
    assert connection.retry.get_retries() == 0
    return connection.socket_connect_timeout, connection.socket_timeout


def test_a_server_that_is_slow_is_used_and_one_that_is_silent_costs_no_second() -> None:
    to_connect, to_answer = timeouts(connect("redis://127.0.0.1:1/0"))
    assert min(to_connect, to_answer) > SLOW_ANSWER
    assert to_connect + to_answer < PAGE


@pytest.mark.parametrize("count", [1, 3, 5])
def test_silent_sentinels_cost_no_second_with_the_server_they_name(count: int) -> None:
    hosts = ",".join(f"127.0.0.1:{port}" for port in range(1, count + 1))
    master: Any = connect(f"redis+sentinel://{hosts}/sessions")
    sentinels = [
        timeouts(sentinel) for sentinel in master.connection_pool.sentinel_manager.sentinels
    ]
    assert len(sentinels) == count
    assert sum(max(waits) for waits in sentinels) + sum(timeouts(master)) <= PAGE
