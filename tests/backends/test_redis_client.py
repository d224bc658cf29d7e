"""How a client for REDIS_URL uses its time and its connections, on a real Redis."""

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

from app.lab.measuring import call_in_parallel
from backends.failure_log import FailureLog
from backends.redis import RedisStore
from backends.redis_access.circuit_breaker import RETRY_AFTER_SECONDS, CircuitBreaker
from backends.redis_access.client import Client, connect
from backends.store import StoreUnavailable
from backends.timing import deadline
from tests.backends.records import FIELDS, fields
from tests.support.failures import raising
from tests.support.relay import Relay
from tests.support.services import RedisServer

KEY = "a" * 64
PAGE = 1.0
"""Seconds for loading and saving a session, and for all that a page does else."""

AMPLE = 60.0
"""Seconds that a test never uses up, where something else than the deadline is tried."""


@pytest.fixture
def relay(redis_server: RedisServer) -> Iterator[Relay]:
    redis_server.client().flushall()
    with Relay(redis_server.port) as relay:
        yield relay


def store_at(url: str) -> RedisStore:
    """A store on that address, with a record."""
    return store_of(connect(url))


def store_of(client: Client) -> RedisStore:
    """A store with a record."""
    store = RedisStore(client)
    store.delete(KEY)
    store.create(KEY, FIELDS, 600, owner="alice")
    return store


def fill_pool(store: RedisStore, size: int) -> None:
    """Let so many connections of the store lie idle."""
    pool = pool_of(store.client)
    for connection in [pool.get_connection() for _ in range(size)]:
        pool.release(connection)


def pool_of(client: Any) -> Any:
    return client.connection_pool


def is_there(store: RedisStore) -> bool:
    record = store.load(KEY)
    return record is not None and record.fields == FIELDS


def test_loading_and_saving_have_time_within_a_page() -> None:
    assert 2 * deadline.LIMIT_SECONDS < PAGE


@pytest.mark.parametrize("count", [1, 3, 5])
def test_silent_sentinels_use_half_of_the_time(count: int) -> None:
    hosts = ",".join(f"127.0.0.1:{port}" for port in range(1, count + 1))
    sentinels = pool_of(connect(f"redis+sentinel://{hosts}/sessions")).sentinel_manager.sentinels
    attempts = [sentinel.connection_pool.attempt_seconds for sentinel in sentinels]
    assert sum(attempts) == pytest.approx(deadline.LIMIT_SECONDS / 2)
    assert len(attempts) == count


class TestOneDeadline:
    """The relay sends bytes for ever, so that only the deadline can end a step."""

    def test_a_dripping_handshake_or_answer_ends_with_the_deadline(self, relay: Relay) -> None:
        answered = store_at(relay.url)
        relay.is_dripping = True
        sentinels = f"redis+sentinel://127.0.0.1:{relay.port},127.0.0.1:{relay.port}/sessions"
        for store in (answered, *(RedisStore(connect(url)) for url in (relay.url, sentinels))):
            with pytest.raises(StoreUnavailable):
                store.load(KEY)

    def test_commands_of_a_step_have_one_deadline_together(
        self, relay: Relay, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = store_at(relay.url)
        with monkeypatch.context() as patch:
            patch.setattr(deadline, "LIMIT_SECONDS", AMPLE)
            for number in range(200):
                store.create(f"{number:064x}", {}, 600, owner="many")
        relay.delay = deadline.LIMIT_SECONDS / 100  # each command alone has time enough
        with pytest.raises(StoreUnavailable):
            store.end_oldest("many", f"{0:064x}", 1)

    def test_a_late_step_is_no_outage(self, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
        store = store_at(relay.url)
        with monkeypatch.context() as patch:
            patch.setattr("backends.redis_access.pool.seconds_left", lambda: 0.0)
            with pytest.raises(StoreUnavailable, match="used up"):
                store.load(KEY)
        monkeypatch.setattr(deadline, "LIMIT_SECONDS", AMPLE)
        assert is_there(store)
        assert relay.accepted == 1


class TestShortage:
    @pytest.mark.usefixtures("ample_time")
    def test_more_threads_than_connections_all_get_an_answer(self, relay: Relay) -> None:
        store = store_at(f"{relay.url}?max_connections=4")

        def read() -> list[bool]:
            return [is_there(store) for _ in range(20)]

        assert call_in_parallel(*[read] * 8) == [[True] * 20] * 8
        assert relay.accepted <= 4

    def test_a_shortage_is_no_outage(self, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
        store = store_at(f"{relay.url}?max_connections=1")
        pool = pool_of(store.client)
        lent = pool.get_connection()
        with monkeypatch.context() as patch:
            patch.setattr(deadline, "LIMIT_SECONDS", 0.01)
            with pytest.raises(StoreUnavailable, match="no connection was free"):
                store.load(KEY)
        pool.release(lent)
        assert is_there(store)


@pytest.mark.usefixtures("ample_time")
class TestDeadConnections:
    """They were in the pool when they died: the next request asks on a new one."""

    def test_a_closed_one_costs_no_request(self, relay: Relay, redis_server: RedisServer) -> None:
        store, other = store_at(relay.url), "b" * 64
        fill_pool(store, 6)
        calls: list[Callable[[], object]] = [
            lambda: store.load(KEY),
            lambda: store.create(other, FIELDS, 600, owner="alice"),
            lambda: store.touch(other, 600),
            lambda: store.delete(other),
        ]
        for number, call in enumerate(calls):
            redis_server.client().client_kill_filter(_type="normal", skipme=True)
            call()
            assert [is_there(store) for _ in range(6)] == [True] * 6
            assert relay.accepted == 7 + number  # the others were dropped with the first

    def test_swallowed_ones_cost_no_request(
        self, relay: Relay, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = store_at(relay.url)
        fill_pool(store, 6)
        relay.swallow()
        monkeypatch.setattr(deadline, "LIMIT_SECONDS", 4.0)  # half of it is waited for
        assert is_there(store)
        monkeypatch.setattr(deadline, "LIMIT_SECONDS", AMPLE)
        assert ([is_there(store) for _ in range(6)], relay.accepted) == ([True] * 6, 7)


def test_a_name_that_nobody_answers_for_ends_with_the_deadline(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's resolver waits for a silent server for many seconds."""
    answers, asked, ask = Event(), list[str](), socket.getaddrinfo

    def ask_slowly(host: str, *rest: Any) -> Any:
        if host != "redis.example":
            return ask(host, *rest)
        asked.append(host)
        answers.wait(AMPLE)
        return ask("127.0.0.1", *rest)

    monkeypatch.setattr(socket, "getaddrinfo", ask_slowly)
    url = f"redis://redis.example:{redis_server.port}"
    with monkeypatch.context() as short:
        short.setattr(deadline, "LIMIT_SECONDS", 0.05)
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match=r"does not answer for the name redis\.ex"):
                RedisStore(connect(url)).load(KEY)
    assert len(asked) == 1
    answers.set()
    monkeypatch.setattr(deadline, "LIMIT_SECONDS", AMPLE)
    assert RedisStore(connect(url)).load("b" * 64) is None


def test_a_child_process_connects_for_itself(redis_server: RedisServer) -> None:
    store = store_at(redis_server.url)
    client: Any = store.client
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, b"%d" % (is_there(store) and client.client_id()))
        finally:
            os._exit(0)
    assert is_there(store)
    os.waitpid(child, 0)
    with os.fdopen(read, closefd=True) as pipe:
        os.close(write)
        assert int(pipe.read()) not in (0, client.client_id())


def with_retries(url: str) -> redis.Redis:
    """A ready client that repeats a command whose answer was lost."""
    return redis.Redis(port=urlsplit(url).port or 0, retry=Retry(NoBackoff(), 2))


@pytest.mark.usefixtures("ample_time")
@pytest.mark.parametrize("client_for", [connect, with_retries], ids=["address", "ready"])
class TestLostAnswers:
    """The server did it, and nobody was told: the second try finds it done."""

    @pytest.fixture
    def store(self, relay: Relay, client_for: Callable[[str], Client]) -> Iterator[RedisStore]:
        client = client_for(relay.url)
        yield store_of(client)
        client.close()

    def test_a_record_that_was_created_is_ours_and_one_of_another_is_not(
        self, relay: Relay, store: RedisStore
    ) -> None:
        relay.loses_answer_to = b"SET"
        store.create("c" * 64, FIELDS, 600)
        assert relay.loses_answer_to == b""
        assert store.delete("c" * 64) is True
        relay.loses_answer_to = b"SET"
        with pytest.raises(KeyError):
            store.create(KEY, {"user": '"mallory"'}, 600)
        assert relay.loses_answer_to == b""
        assert is_there(store)

    def test_a_deletion_nobody_saw_is_not_denied(self, relay: Relay, store: RedisStore) -> None:
        store.delete("d" * 64)  # the server knows the script
        relay.loses_answer_to = b"EVALSHA"
        with pytest.raises(StoreUnavailable, match="the answer to a deletion was lost"):
            store.delete(KEY)
        assert relay.loses_answer_to == b""
        assert store.delete(KEY) is False

    def test_nor_where_the_second_server_does_not_know_the_script(
        self, relay: Relay, store: RedisStore, tmp_path: Path
    ) -> None:
        store.delete("d" * 64)  # the first server knows the script
        with RedisServer(tmp_path) as new:
            relay.loses_answer_to = b"EVALSHA"
            relay.target = new.port
            with pytest.raises(StoreUnavailable, match="the answer to a deletion was lost"):
                store.delete(KEY)

    def test_an_update_is_made_once(self, relay: Relay, store: RedisStore) -> None:
        store.touch(KEY, 600)  # the server knows the script
        relay.loses_answer_to = b"EVALSHA"
        store.update(KEY, {"cart": "[]"}, ["user"], 600)
        assert (relay.loses_answer_to, fields(store, KEY)) == (b"", {"cart": "[]"})


@pytest.mark.usefixtures("ample_time")
class TestAnotherServer:
    """One address led to the old master and leads to the new one now."""

    @pytest.fixture
    def new(self, tmp_path: Path) -> Iterator[RedisServer]:
        with RedisServer(tmp_path) as server:
            yield server

    @pytest.fixture
    def old(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
        with RedisServer(tmp_path_factory.mktemp("old")) as server:
            yield server

    def test_a_replica_that_writes_nothing_is_left(
        self, old: RedisServer, new: RedisServer
    ) -> None:
        store_at(new.url)
        with Relay(old.port) as relay:
            store = store_at(relay.url)
            old.client().replicaof("127.0.0.1", new.port)
            relay.target = new.port
            store.touch(KEY, 600)
            assert is_there(store)
            assert relay.accepted == 2

    def test_a_replica_without_its_master_is_left(self, old: RedisServer, new: RedisServer) -> None:
        store_at(new.url)
        with Relay(old.port) as relay:
            store = store_at(relay.url)
            old.client().config_set("replica-serve-stale-data", "no")
            old.client().replicaof("127.0.0.1", 1)
            relay.target = new.port
            assert is_there(store)

    def test_an_address_that_still_leads_to_it_is_a_failure(self, old: RedisServer) -> None:
        store = store_at(old.url)
        old.client().replicaof("127.0.0.1", 1)
        with pytest.raises(StoreUnavailable):
            store.touch(KEY, 600)


TIME = "backends.redis_access.circuit_breaker.time"


def fail(breaker: CircuitBreaker) -> None:
    with pytest.raises(StoreUnavailable):
        breaker.call(raising(redis.TimeoutError))


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


@pytest.mark.parametrize(
    ("answered", "raised"),
    [
        (raising(NoScriptError, "No matching script"), NoScriptError),
        (raising(redis.ResponseError, "WRONGTYPE Operation against a key"), ValueError),
    ],
    ids=["the script is missing", "the key holds another type"],
)
def test_what_is_sent_after_such_an_answer_is_not_refused(
    answered: Callable[..., Any], raised: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that was started again knows no script: a login would fail for ever."""
    now = 0.0
    monkeypatch.setattr(TIME, SimpleNamespace(monotonic=lambda: now))
    breaker = CircuitBreaker(FailureLog(logging.getLogger(__name__)))
    fail(breaker)
    now += RETRY_AFTER_SECONDS
    with pytest.raises(raised):
        breaker.call(answered)
    answer(breaker)
