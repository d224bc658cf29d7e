"""The client of Redis: its servers, its timeouts and its circuit breaker.

It knows nothing of sessions and their records.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha1
from threading import Lock, Thread
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import redis
from flask import Flask
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.connection import Connection
from redis.exceptions import ClusterDownError, NoScriptError, RedisClusterException
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from backends.settings import ConfigurationError
from backends.store import StoreUnavailable
from backends.throttle import Throttle

logger = logging.getLogger(__name__)

Client = redis.Redis | RedisCluster

FAILURES = (redis.RedisError, RedisClusterException, OSError)
"""What redis-py raises if a server does not answer; the second is no `RedisError`."""

TIMEOUT_SECONDS = 0.4
"""For a connection and an answer each: a page needs both within a second."""

RETRY_AFTER_SECONDS = 0.5
"""After a failure, one request in this time tries again; the others fail at once.

A frozen server would otherwise block every thread for its timeout, also those that serve pages
without a session.
"""


def client_of(app: Flask, connect: Callable[[str], Client]) -> Client:
    """The client in `SESSION_REDIS`, or one for the address in `REDIS_URL`.

    There is no default: an application without an address must not keep its sessions elsewhere.
    Raises `ConfigurationError` without either, for an invalid address, and for a cluster that does
    not answer.
    """
    client = app.config.get("SESSION_REDIS")
    url = app.config.get("REDIS_URL")
    if client is None and url:
        try:
            client = connect(url)
            if isinstance(client, redis.Redis):
                client.connection_pool.make_connection()  # reads the options, connects to nothing
        except FAILURES as error:
            raise ConfigurationError(
                f"REDIS_URL: no cluster answers there ({error}). Start it, or name nodes of it "
                "that run; a single server is redis://host:port/db."
            ) from error
        except (ValueError, TypeError) as error:
            # The messages of other errors may contain a part of the password.
            why = f" ({error})" if isinstance(error, UnreadableAddress) else ""
            raise ConfigurationError(
                f"REDIS_URL cannot be read{why}. Give redis://host:port/db, rediss://…, "
                "unix://path, redis+sentinel://host:port,host:port/service/db or "
                "redis+cluster://host:port,host:port; in a password write / as %2F and # as %23."
            ) from error
    if client is None:
        raise ConfigurationError(
            "REDIS_URL is not set: give redis://host:port/db, rediss://… or unix://path."
        )
    if not isinstance(client, redis.Redis | RedisCluster):
        raise ConfigurationError(
            f"SESSION_REDIS is a {type(client).__name__}: give a redis.Redis or a RedisCluster."
        )
    return client


class UnreadableAddress(ValueError):
    """An invalid address of Sentinels or a cluster; its message has no password."""


def connect(url: str) -> Client:
    """A client with short timeouts and without retries: a page fails within a second.

    Raises `ValueError` for an invalid address, and `RedisClusterException` if a cluster, which is
    asked for its nodes at once, does not answer.
    """
    parts = urlsplit(url)
    if parts.scheme == "redis+sentinel":
        return _sentinel(parts)
    if parts.scheme == "redis+cluster":
        return _cluster(parts)
    return redis.Redis.from_url(url, **_timeout_options())


def _sentinel(parts: SplitResult) -> "redis.Redis":
    service, _, db = parts.path.strip("/").partition("/")
    if not service:
        raise UnreadableAddress(
            "a Sentinel address names its service: redis+sentinel://host:port/service"
        )
    if not (db or "0").isdecimal():
        raise UnreadableAddress(f"the database behind the service is a number, not {db!r}")
    addresses = _addresses(parts, 26379)
    # They are asked one after the other, before the server that they name.
    sentinel_options = _timeout_options(TIMEOUT_SECONDS / 2 / len(addresses))
    options = {**_credentials(parts), **_timeout_options()}
    client: redis.Redis = Sentinel(
        addresses, sentinel_kwargs=sentinel_options, **options
    ).master_for(service, connection_pool_class=MasterCheckingPool, db=int(db or 0))
    return client


class MasterCheckingPool(SentinelConnectionPool):
    """Asks the Sentinels for the master once a second, not only when it connects.

    A master that was replaced while it runs keeps its connections and accepts writes for about ten
    seconds; they are lost when it follows the new one.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)  # type: ignore[no-untyped-call]  # has no types
        self._checks = Throttle()

    def get_connection(self, *_: Any, **__: Any) -> Connection:
        if self._checks.admit() is not None:
            with suppress(redis.ConnectionError):  # without them, keep the master that is known
                self.get_master_address()  # type: ignore[no-untyped-call]  # has no types
        return super().get_connection()


def _cluster(parts: SplitResult) -> RedisCluster:
    if parts.path.strip("/"):
        raise UnreadableAddress("a cluster has no databases and no services")
    nodes = [ClusterNode(host, port) for host, port in _addresses(parts, 6379)]
    cluster = RedisCluster(startup_nodes=nodes, **_credentials(parts), **_timeout_options())
    manager: Any = cluster.nodes_manager
    manager.initialize = BackgroundRefresh(manager.initialize)
    return cluster


class BackgroundRefresh:
    """Refreshes a cluster's topology in the background, so that requests fail at once.

    redis-py asks one node after the other, in one thread after the other, before it reports the
    failure: if the whole cluster is down, each request would take seconds.
    """

    def __init__(self, initialize: Callable[..., None]) -> None:
        self._initialize = initialize
        self._running = Lock()

    def __call__(self, **options: Any) -> None:
        if self._running.acquire(blocking=False):
            Thread(target=self._run, kwargs=options, daemon=True).start()

    def _run(self, **options: Any) -> None:
        try:
            with suppress(*FAILURES):  # the next request that fails asks again
                self._initialize(**options)
        finally:
            self._running.release()


def _addresses(parts: SplitResult, port: int) -> list[tuple[str, int]]:
    if parts.query:
        raise UnreadableAddress("options behind a ? are for a single server")
    hosts = parts.netloc.rpartition("@")[2].split(",")
    pairs = [urlsplit(f"//{host}") for host in hosts]
    if not all(pair.hostname for pair in pairs):
        raise UnreadableAddress("it names no host, or ends in a comma")
    return [(str(pair.hostname), pair.port or port) for pair in pairs]


def _credentials(parts: SplitResult) -> dict[str, Any]:
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    given = {"username": unquote(user), "password": unquote(password)}
    return {name: value for name, value in given.items() if value}


def _timeout_options(timeout: float = TIMEOUT_SECONDS) -> dict[str, Any]:
    return {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
    }


class Script:
    """A script of one key, called by its hash, or by its text on a new server.

    A replica that became the master does not know it. redis-py would then send it to every master,
    and fail if any other master is down.
    """

    def __init__(self, client: Client, text: str) -> None:
        self._client = client
        self._text = text
        self._hash = sha1(text.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, key: str, *arguments: bytes | str | int) -> Any:
        try:
            return self._client.evalsha(self._hash, 1, key, *arguments)
        except NoScriptError:
            return self._client.eval(self._text, 1, key, *arguments)


class CircuitBreaker:
    """Raises `StoreUnavailable` for a failed server, and rarely tries it again."""

    def __init__(self, log: Throttle) -> None:
        """`log` limits how often failures are logged."""
        self._lock = Lock()
        self._next_try: float | None = None
        self._log = log

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Raises `StoreUnavailable` for a failure, `ValueError` for a key of another type."""
        self._check_turn()
        try:
            yield
        except FAILURES as error:
            if str(error).startswith("WRONGTYPE"):
                raise ValueError("the key holds another type") from error
            if not isinstance(error, redis.ResponseError) or isinstance(error, ClusterDownError):
                self._try_again_at(time.monotonic() + RETRY_AFTER_SECONDS)
            raise self._describe_failure(error) from error
        else:
            self._try_again_at(None)

    def _describe_failure(self, error: Exception) -> StoreUnavailable:
        # Sentinel's message ends with the settings of all clients that it asked.
        unavailable = StoreUnavailable(f"Redis: {str(error).partition(' : <')[0]}")
        if self._log.admit() is not None:
            logger.error("%s", unavailable)
        return unavailable

    def _try_again_at(self, moment: float | None) -> None:
        with self._lock:
            self._next_try = moment

    def _check_turn(self) -> None:
        with self._lock:
            if self._next_try is None:
                return
            if time.monotonic() < self._next_try:
                raise StoreUnavailable("Redis did not answer a moment ago")
            self._next_try = time.monotonic() + RETRY_AFTER_SECONDS
