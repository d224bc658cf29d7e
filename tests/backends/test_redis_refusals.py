"""A Redis that runs and refuses, and a process that cannot ask it, on a real server."""

import resource
from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Any
from unittest.mock import patch

import pytest
import redis
from redis.exceptions import NoPermissionError

from backends.probe import Probe
from backends.redis import LOGIN_TIMEOUT_SECONDS, RedisStore
from backends.redis_access import circuit_breaker
from backends.redis_access.client import BackgroundRefresh, connect
from backends.redis_access.pool import DeadlineConnection
from backends.store import StoreUnavailable
from tests.support.cases import case
from tests.support.clock import SetClock
from tests.support.failures import raising
from tests.support.limits import limited
from tests.support.services import RedisServer, set_to

KEY = "a" * 32


pytestmark = pytest.mark.usefixtures("ample_time")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One that the tests may set up as they like."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def store(server: RedisServer) -> RedisStore:
    """One with a record, and with one connection, to a host that has to be looked up."""
    store = RedisStore(connect(f"redis://localhost:{server.port}"))
    store.delete(KEY)
    store.create(KEY, {"user": '"alice"'}, 600, owner="alice")
    return store


def few_files(_: RedisServer) -> Any:
    return limited(resource.RLIMIT_NOFILE, 0)


def few_clients(server: RedisServer) -> Any:
    return set_to(server, "maxclients", 1, 1000)


def another_password(server: RedisServer) -> Any:
    return set_to(server, "requirepass", "new", "")


def few_threads(_: RedisServer) -> Any:
    return patch.object(Thread, "start", raising(RuntimeError, "can't start new thread"))


@pytest.mark.parametrize(
    ("shortage", "says"),
    [
        (few_files, r"Too many open files\. Let this process open more \(ulimit -n\)"),
        (few_threads, r"can't start new thread\. Let this process start more"),
        (few_clients, r"max number of clients reached\. Let it take more \(maxclients\)"),
        (another_password, r"a password: give it in the address, as redis://:password@host.$"),
    ],
)
def test_who_gets_no_new_connection_keeps_nobody_from_the_others(
    server: RedisServer, store: RedisStore, shortage: Callable[[RedisServer], Any], says: str
) -> None:
    pool: Any = store.client.connection_pool  # type: ignore[union-attr]  # it is no cluster
    used = pool.get_connection()
    with shortage(server):
        for _ in range(2):  # and the second one is told the same
            with pytest.raises(StoreUnavailable, match=says):
                store.load(KEY)
        pool.release(used)
        assert store.load(KEY) is not None
    pool.disconnect()
    assert store.load(KEY) is not None


def test_what_the_client_does_not_foresee_is_an_outage(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An option whose value makes no sense, and a greeting of another service."""
    address = f"127.0.0.1:{server.port}"
    for option in ("encoding_errors=x", "socket_type=x"):
        url = f"redis://{address}?{option}"
        with case(url), pytest.raises(StoreUnavailable, match="an option in the address cannot be"):
            RedisStore(connect(url)).load(KEY)
    monkeypatch.setattr(DeadlineConnection, "read_response", lambda *_, **__: b"OK")
    with pytest.raises(StoreUnavailable, match="it is no Redis"):
        RedisStore(connect(f"redis://{address}")).load(KEY)


class Token(redis.CredentialProvider):
    """Gives the password of a user, unless it cannot."""

    failure: Exception | None = None

    def get_credentials(self) -> tuple[str, str]:
        if self.failure is not None:
            raise self.failure
        return "visitor", "x"


@pytest.mark.parametrize("failure", [ValueError("expired"), KeyError("token"), RuntimeError()])
def test_a_password_that_cannot_be_had_is_an_outage(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    """It says nothing of the record, and of the list of its owner."""
    monkeypatch.setattr(circuit_breaker, "RETRY_AFTER_SECONDS", 0.0)
    token, admin = Token(), server.client()
    admin.execute_command("ACL SETUSER", "visitor", "reset", "on", ">x", "~session:*", "+@all")
    client = redis.Redis(port=server.port, credential_provider=token)
    store = RedisStore(client)
    store.delete(KEY)
    store.create(KEY, {}, 600, owner="alice")
    client.connection_pool.disconnect()
    token.failure = failure
    for ask in (
        lambda: store.load(KEY),
        lambda: store.create("b" * 32, {}, 600, owner="alice"),
        lambda: store.touch(KEY, 600),
        lambda: store.sessions_of("alice"),
        lambda: store.delete(KEY),
        store.eviction_risk,
    ):
        with pytest.raises(StoreUnavailable, match="the client in SESSION_REDIS failed"):
            ask()
    token.failure = None
    assert list(store.sessions_of("alice")) == [KEY]
    assert client.acl_whoami() == "visitor"
    client.close()
    admin.acl_deluser("visitor")


def test_a_replica_says_that_it_is_one(server: RedisServer, store: RedisStore) -> None:
    admin = server.client()
    admin.replicaof("127.0.0.1", "1")
    try:
        with pytest.raises(StoreUnavailable, match=r"It is a replica: name its master\.$"):
            store.create(KEY[::-1] + "b", {}, 600, owner=None)
    finally:
        admin.replicaof("NO", "ONE")
        admin.close()


def test_an_address_needs_no_thread(server: RedisServer, store: RedisStore) -> None:
    by_address = RedisStore(connect(f"redis://127.0.0.1:{server.port}"))
    with few_threads(server):
        assert by_address.load(KEY) is not None


@pytest.mark.parametrize(
    ("shortage", "says"), [(few_files, "Too many open files"), (few_threads, "start new thread")]
)
def test_a_shortage_is_not_taken_for_silent_sentinels(
    server: RedisServer, shortage: Callable[[RedisServer], Any], says: str
) -> None:
    store = RedisStore(connect("redis+sentinel://localhost:1/sessions"))
    with shortage(server), pytest.raises(StoreUnavailable, match=says):
        store.load(KEY)


def test_a_sentinel_that_refuses_keeps_nobody_from_the_master_that_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool: Any = connect("redis+sentinel://localhost:1/sessions").connection_pool  # type: ignore[union-attr]

    said = "this user has no permissions to run the 'sentinel' command"
    monkeypatch.setattr(pool, "get_master_address", raising(NoPermissionError, said))
    assert pool._lend() is not None


def test_a_cluster_is_asked_for_its_nodes_again_after_a_shortage_of_threads(
    server: RedisServer,
) -> None:
    asked = Event()
    refresh = BackgroundRefresh(asked.set)
    with few_threads(server):
        refresh()
    assert not asked.is_set()
    refresh()
    assert asked.wait(60)


def test_a_list_is_read_of_a_server_that_refuses_to_write(
    server: RedisServer, store: RedisStore, clock: SetClock
) -> None:
    """It has a row of a session that expired, which cannot be removed now."""
    store.clock = clock
    store.max_session_seconds = 900
    store.create("b" * 32, {}, 900, owner="bob")
    store.create("c" * 32, {}, 2000, owner="bob")
    server.client().delete(store.prefix + "b" * 32)
    clock.forward(LOGIN_TIMEOUT_SECONDS + 1)
    with set_to(server, "min-replicas-to-write", 1, 0):
        assert list(store.sessions_of("bob")) == ["c" * 32]
    store.delete("c" * 32)


class TestAdvice:
    """The line in the log says what to do."""

    @pytest.mark.parametrize(
        ("name", "value", "back", "says"),
        [
            ("maxmemory", 1, 0, r"used memory > 'maxmemory'\. Give it more memory"),
            ("min-replicas-to-write", 1, 0, r"good replicas to write\. Start its replicas"),
        ],
    )
    def test_for_a_write_that_is_refused(
        self, server: RedisServer, store: RedisStore, name: str, value: int, back: int, says: str
    ) -> None:
        with set_to(server, name, value, back):
            with pytest.raises(StoreUnavailable, match=says):
                store.create("b" * 32, {}, 600, owner="alice")
            with pytest.raises(StoreUnavailable, match=says):
                store.update(KEY, {"n": "1"}, (), 600)
            assert store.load(KEY) is not None
            assert list(store.sessions_of("alice")) == [KEY]
            if name == "maxmemory":  # a deletion makes room
                assert store.delete(KEY) is True
        store.delete(KEY)
        store.create(KEY, {}, 600, owner="alice")

    def test_for_a_user_who_may_not_do_all(self, server: RedisServer) -> None:
        admin = server.client()
        categories = ("@read", "@write", "@scripting", "@connection")
        visitor = ("ACL SETUSER", "visitor", "reset", "on", ">x", "~session:*")
        try:
            admin.execute_command(*visitor, *(f"+{name}" for name in categories))
            store = RedisStore(connect(f"redis://visitor:x@localhost:{server.port}"))
            Probe(store).check()
            for left_out in categories[:3]:
                admin.execute_command(
                    *visitor, *(f"+{name}" for name in {*categories} - {left_out})
                )
                with pytest.raises(StoreUnavailable, match=", ".join(categories[:3])):
                    Probe(store).check()
        finally:
            admin.acl_deluser("visitor")
