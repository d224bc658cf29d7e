"""Addresses and clients of Redis that cannot be used, and what is said of them; TLS."""

import socket
import subprocess
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import fakeredis
import pytest
import redis
import redis.asyncio
from redis.backoff import ConstantBackoff
from redis.cache import CacheConfig
from redis.cluster import LoadBalancingStrategy
from redis.connection import CacheProxyConnection
from redis.retry import Retry

from backends import ConfigurationError
from backends.probe import Probe
from backends.redis import RedisStore
from backends.redis_access.client import connect
from backends.store import StoreUnavailable
from backends.timing import deadline
from tests.backends.records import fields
from tests.support.bare import make_bare
from tests.support.cases import case
from tests.support.redis_topologies import SentinelServer, is_master
from tests.support.services import PATIENCE, RedisServer, free_port, require, set_to, until

PASSWORD = "open-sesame"
KEY = "a" * 64


def refusal(**config: Any) -> str:
    """What is said of an application with these settings."""
    with pytest.raises(ConfigurationError) as refused:
        make_bare("redis", **config)
    assert PASSWORD not in "".join(traceback.format_exception(refused.value))
    return str(refused.value)


UNUSABLE = {
    "redis+cluster://": "it names no host",
    "redis+cluster://127.0.0.1:7000,": "ends in a comma",
    "redis+cluster://127.0.0.1:seven": "REDIS_URL cannot be read. Give",
    "redis://127.0.0.1?protocol=3&cache_config=1": "REDIS_URL cannot be read. Give",
    "redis+cluster://127.0.0.1:7000/1": "a cluster has no databases",
    "redis+cluster://127.0.0.1:7000?ssl=1": "options behind a ?",
    "redis+cluster://127.0.0.1:7000?ssl_ca_certs=ca.pem": "with TLS, ssl_",
    "rediss+cluster://127.0.0.1:1": "Start it, or name nodes of it that run",
    "rediss://127.0.0.1:1?ssl_cert_reqs=None": "ssl_cert_reqs is none, optional or required",
    "rediss+sentinel://127.0.0.1/s?ssl_cert_reqs=no": "ssl_cert_reqs is none, optional or",
    "redis://127.0.0.1:port/0": "REDIS_URL cannot be read",
    "redis://127.0.0.1:1?colour=red": "the option colour is unknown",
    "redis://127.0.0.1:1?socket_timeout=soon": "the option socket_timeout is unknown or has",
    "redis://127.0.0.1:1?protocol=4": "protocol must be either 2 or 3",
    "redis+cluster://127.0.0.1:1": "Start it, or name nodes of it that run",
    "redis+sentinel:///sessions/0": "it names no host",
    "redis+sentinel://127.0.0.1:26379,/sessions/0": "ends in a comma",
    "redis+sentinel://127.0.0.1:26379": "names its service",
    "redis+sentinel://127.0.0.1:26379/sessions/first": "the database behind the service",
    "redis+sentinel://127.0.0.1:26379/sessions?db=1": "options behind a ?",
    "redis+sentinel://127.0.0.1:sentinel/sessions": "REDIS_URL cannot be read. Give",
    "redis://": "it names no host",
    "rediss://:6379/0": "it names no host",
    **{
        f"{address}?ssl_{name}=missing.pem": f"ssl_{name}=missing.pem is no file that can be read"
        for address in ("rediss://127.0.0.1:1", "rediss+sentinel://127.0.0.1/sessions")
        for name in ("ca_certs", "certfile", "keyfile", "ca_path")
    },
    "redis://127.0.0.1:1/first": "the database behind the host is a number",
    "redis://127.0.0.1:1/-1": "the database behind the host is a number",
    "rediss://127.0.0.1:1/1/2": "the database behind the host is a number",
    **{
        f"{scheme}://{host}": "REDIS_URL cannot be read"
        for scheme in ("redis", "rediss", "redis+sentinel", "rediss+cluster")
        for host in ("[::1/s", ".example.com/s", "a" * 64 + ".com", "\udcff")
    },
}


def test_an_unusable_address_is_refused_in_one_line() -> None:
    for url, says in UNUSABLE.items():
        with case(url):
            line = refusal(REDIS_URL=url.replace("//", f"//default:{PASSWORD}@"))
            assert line.startswith("REDIS_URL")
            assert says in line
            assert "\n" not in line
            if url.startswith("redis+sentinel"):
                assert "redis+sentinel://host:port,host:port/service/db" in line


def test_a_password_with_a_slash_is_not_shown() -> None:
    for url in (
        *("redis://:1234/{}@127.0.0.1:6379/0", "redis://user:1234/{}@127.0.0.1:6379/0"),
        *("redis+sentinel://:a/b/{}@127.0.0.1/sessions", "redis+cluster://:1234/{}@127.0.0.1"),
    ):
        with case(url):
            assert "in a password write / as %2F" in refusal(REDIS_URL=url.format(PASSWORD))


@pytest.mark.parametrize(
    ("answer", "limit"), [(b"", 0.02), (b"-ERR unknown\r\n", PATIENCE)], ids=["none", "error"]
)
def test_a_server_without_tls_is_told(
    answer: bytes, limit: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the bytes in its greeting, it waits for the end of a command or knows none like it."""
    monkeypatch.setattr(deadline, "LIMIT_SECONDS", limit)

    def serve() -> None:
        connection, _ = server.accept()
        with connection, suppress(ConnectionResetError):
            connection.sendall(answer)
            while connection.recv(1024):
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=serve)
        thread.start()
        store = RedisStore(connect(f"rediss://127.0.0.1:{server.getsockname()[1]}"))
        with pytest.raises(StoreUnavailable, match=r"Find out .* whether it speaks TLS there"):
            store.load(KEY)
        thread.join()


def test_what_is_no_address_and_no_client_is_named() -> None:
    for url in (5, True, ["redis://h"], ("redis://h",)):
        assert refusal(REDIS_URL=url).startswith("REDIS_URL is no text")
    assert "it names no socket file" in refusal(REDIS_URL="unix://")
    for client in (redis.asyncio.Redis(), fakeredis.FakeAsyncRedis()):
        line = refusal(SESSION_REDIS=client)
        assert "an asyncio client" in line
        assert "give a redis.Redis or a redis.RedisCluster" in line


def test_a_client_that_may_read_what_was_is_refused(
    redis_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CacheProxyConnection, "MIN_ALLOWED_VERSION", "7.0.0")  # 7.4 tells of more
    host, _, port = redis_cluster.url.rpartition("//")[2].partition(",")[0].partition(":")
    balanced = redis.RedisCluster(
        host, int(port), load_balancing_strategy=LoadBalancingStrategy.RANDOM_REPLICA
    )
    cached = redis.RedisCluster(host, int(port), protocol=3, cache_config=CacheConfig())
    sentinel = redis.Sentinel([])
    for says, client in (
        ("reads from replicas", balanced),
        ("reads from replicas", sentinel.slave_for("sessions")),
        ("keeps answers", cached),
        ("keeps answers", redis.Redis(protocol=3, cache_config=CacheConfig())),
    ):
        assert f"SESSION_REDIS {says}" in refusal(SESSION_REDIS=client)
        client.close()
    make_bare("redis", SESSION_REDIS=sentinel.master_for("sessions"))


class OldServer(RedisServer):
    """A server that does not know HELLO."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "--rename-command", "HELLO", "GREET", "--requirepass", PASSWORD)

    def client(self) -> "redis.Redis":
        return redis.Redis(
            port=self.port, protocol=2, password=PASSWORD, retry=Retry(ConstantBackoff(0.02), 500)
        )

    @property
    def url(self) -> str:
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"


class TestWithoutHello:
    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[RedisServer]:
        with OldServer(tmp_path) as server:
            yield server

    @pytest.mark.parametrize("make", [connect, redis.Redis.from_url], ids=["address", "ready"])
    def test_the_failure_says_what_the_address_needs(self, server: OldServer, make: Any) -> None:
        store = RedisStore(make(server.url))
        with pytest.raises(StoreUnavailable, match=r"add \?protocol=2 to its address") as failure:
            store.load(KEY)
        assert PASSWORD not in "".join(traceback.format_exception(failure.value))

    def test_the_older_protocol_serves_all_that_a_store_does(self, server: OldServer) -> None:
        use_all(RedisStore(connect(f"{server.url}?protocol=2")))


def test_a_socket_file_serves_all_that_a_store_does(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with RedisServer(tmp_path, "--unixsocket", str(path)):
        use_all(RedisStore(connect(f"unix://{path}")))


def use_all(store: RedisStore) -> None:
    """Call each method of the store once, and look at what it does."""
    store.create(KEY, {"user": '"alice"', "old": "1"}, 600, owner="alice")
    store.update(KEY, {"cart": "[]"}, ["old"], 600)
    store.touch(KEY, 600)
    assert fields(store, KEY) == {"user": '"alice"', "cart": "[]"}
    assert store.sessions_of("alice").keys() == {KEY}
    store.create("b" * 64, {}, 600, owner="alice")
    assert store.end_oldest("alice", "b" * 64, 1) == [KEY]
    assert store.delete("b" * 64) is True
    assert store.delete("b" * 64) is False


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    openssl = require("openssl", "openssl")
    request = ["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", "key.pem", "-out", "ca.pem"]
    subprocess.run([openssl, *request, *names, *files], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.usefixtures("ample_time")
class TestTls:
    """A single server, a cluster of one and a Sentinel with its master, all by TLS."""

    def test_a_single_server(self, tmp_path: Path, authority: Path) -> None:
        port = free_port()
        with RedisServer(tmp_path, *tls(port, authority)):
            address = f"rediss://127.0.0.1:{port}?ssl_ca_certs={authority}/ca.pem"
            use_all(RedisStore(connect(address)))
            with pytest.raises(StoreUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
                RedisStore(connect(f"rediss://127.0.0.1:{port}")).load(KEY)

    def test_a_frozen_server_has_until_the_deadline(
        self, tmp_path: Path, authority: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        port = free_port()
        with RedisServer(tmp_path, *tls(port, authority)) as server:
            address = f"rediss://127.0.0.1:{port}?ssl_ca_certs={authority}/ca.pem"
            store = RedisStore(connect(address))
            store.create(KEY, {"user": '"alice"'}, 600)
            server.freeze()
            with monkeypatch.context() as patch:
                patch.setattr(deadline, "LIMIT_SECONDS", 0.1)
                with pytest.raises(StoreUnavailable):
                    store.load(KEY)
            server.thaw()
            assert RedisStore(connect(address)).load(KEY) is not None
            store.client.close()

    def test_a_cluster(self, tmp_path: Path, authority: Path) -> None:
        port, bus = free_port(), free_port()
        cluster = ("--cluster-enabled", "yes", "--tls-cluster", "yes", "--cluster-port", str(bus))
        with RedisServer(tmp_path, *tls(port, authority), *cluster) as server:
            server.client().execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
            info: Any = server.client().execute_command
            until(lambda: bool(info("CLUSTER INFO")["cluster_state"] == "ok"))
            query = f"ssl_ca_certs={authority}/ca.pem"
            use_all(RedisStore(connect(f"rediss+cluster://127.0.0.1:{port}?{query}")))

    def test_a_sentinel(self, tmp_path: Path, authority: Path) -> None:
        master, watcher = free_port(), free_port()
        options = iter(tls(watcher, authority))
        lines = "".join(
            f"{name[2:]} {value}\n" for name, value in zip(options, options, strict=True)
        )
        told = f"{lines}tls-replication yes\nsentinel monitor sessions 127.0.0.1 {master} 1\n"
        (tmp_path / "watcher").mkdir()
        with (
            RedisServer(tmp_path, *tls(master, authority)),
            SentinelServer(tmp_path / "watcher", free_port(), told),
        ):
            query = f"ssl_ca_certs={authority}/ca.pem"
            address = f"rediss+sentinel://127.0.0.1:{watcher}/sessions/0?{query}"
            use_all(RedisStore(connect(address)))


def tls(port: int, authority: Path) -> list[str]:
    """The options of a server that also listens there, by TLS."""
    files = {"cert": "ca.pem", "key": "key.pem", "ca-cert": "ca.pem"}
    paths = [(f"--tls-{name}-file", str(authority / file)) for name, file in files.items()]
    options = [("--tls-port", str(port)), ("--tls-auth-clients", "no"), *paths]
    return [word for pair in options for word in pair]


@contextmanager
def visiting(server: RedisServer, *rules: str) -> Iterator[RedisStore]:
    """A store whose user has these rules."""
    admin = server.client()
    admin.execute_command("ACL SETUSER", "visitor", "reset", "on", ">x", "~*", *rules)
    try:
        yield RedisStore(connect(server.url.replace("//", "//visitor:x@")))
    finally:
        admin.acl_deluser("visitor")


class TestServersOfAStore:
    @pytest.mark.parametrize("rules", [("+@all",), ("+@all", "-config")])
    def test_a_policy_that_ends_sessions_is_named(
        self, redis_server: RedisServer, rules: tuple[str, ...]
    ) -> None:
        with visiting(redis_server, *rules) as store:
            assert store.eviction_risk() is None
            for policy in ("allkeys-lru", "volatile-lru", "volatile-random"):
                with set_to(redis_server, "maxmemory-policy", policy, "noeviction"):
                    risk = store.eviction_risk() or ""
                assert f"maxmemory-policy is {policy}" in risk
                assert "\n" not in risk

    def test_a_command_that_a_login_needs_is_tried(self, redis_server: RedisServer) -> None:
        """The lists and the limit of an owner's sessions too."""
        for command in (
            *("get", "set", "evalsha", "del", "getrange", "expire", "exists"),
            *("zadd", "zrem", "zrange", "zrangebyscore", "zremrangebyscore", "zscore"),
        ):
            with (
                case(command),
                visiting(redis_server, "+@all", f"-{command}") as store,
                pytest.raises(StoreUnavailable, match=r"permission|can't run this command"),
            ):
                Probe(store).check()

    def test_an_embedded_server_is_no_risk_and_gets_one_key_to_probe(self) -> None:
        store = RedisStore(fakeredis.FakeRedis())
        assert store.eviction_risk() is None
        assert len(store.probe_keys()) == 1

    def test_one_master_that_ends_sessions_is_a_risk(self, redis_cluster: Any) -> None:
        store = RedisStore(connect(redis_cluster.url))
        assert store.eviction_risk() is None
        master = next(filter(is_master, redis_cluster.servers))
        with set_to(master, "maxmemory-policy", "allkeys-lru", "noeviction"):
            assert "allkeys-lru" in str(store.eviction_risk())

    def test_each_master_gets_a_key_to_probe(self, redis_cluster: Any) -> None:
        store = RedisStore(connect(redis_cluster.url))
        cluster: Any = store.client
        nodes = [cluster.get_node_from_key(store.prefix + key).name for key in store.probe_keys()]
        assert sorted(nodes) == sorted(node.name for node in cluster.get_primaries())
        assert store.probe_keys() != store.probe_keys()
