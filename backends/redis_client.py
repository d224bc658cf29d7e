"""The way to Redis: which servers, how long they are waited for, and when they are asked again.

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
from redis.exceptions import (
    ClusterDownError,
    NoScriptError,
    RedisClusterException,
    RedisError,
    ResponseError,
)
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from backends.settings import ConfigurationError
from backends.store import StoreUnavailable
from backends.throttle import Throttle

logger = logging.getLogger(__name__)

Client = redis.Redis | RedisCluster

FAILURES = (RedisError, RedisClusterException, OSError)
"""What redis-py raises for a server that cannot be asked; the second is no `RedisError`."""

TIMEOUT = 0.4
"""Seconds for a connection and for an answer: a page that needs both still ends within a second."""

PAUSE = 0.5
"""Seconds after a failure in which only one request asks again and the others fail at once.

A frozen server would otherwise hold every thread for its timeout, those included that serve pages
without a session.
"""


def client_of(app: Flask, connect: Callable[[str], Client]) -> Client:
    """The client that the application gives, or a connection to the URL that it names.

    There is no default: an application that forgot its URL must not keep its sessions elsewhere.
    Raises `ConfigurationError` without either, for an address that cannot be read, and for a
    cluster that does not answer.
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
            # What others say of it can hold a part of the password.
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
    """An address that says what only one of several kinds of servers takes; never its password."""


def connect(url: str) -> Client:
    """A client that gives up soon and does not try again: the page says so within a second.

    Raises `ValueError` for an address that cannot be read. A cluster is asked for its nodes at
    once, which raises `RedisClusterException`.
    """
    parts = urlsplit(url)
    if parts.scheme == "redis+sentinel":
        return _sentinel(parts)
    if parts.scheme == "redis+cluster":
        return _cluster(parts)
    return redis.Redis.from_url(url, **_impatient())


def _sentinel(parts: SplitResult) -> "redis.Redis":
    service, _, db = parts.path.strip("/").partition("/")
    if not service:
        raise UnreadableAddress(
            "a Sentinel address names its service: redis+sentinel://host:port/service"
        )
    if not (db or "0").isdecimal():
        raise UnreadableAddress(f"the database behind the service is a number, not {db!r}")
    addresses = _addresses(parts, 26379)
    # They are asked one after the other, and before the server that they name.
    asked = _impatient(TIMEOUT / 2 / len(addresses))
    options = {**_credentials(parts), **_impatient()}
    client: redis.Redis = Sentinel(addresses, sentinel_kwargs=asked, **options).master_for(
        service, connection_pool_class=WatchfulPool, db=int(db or 0)
    )
    return client


class WatchfulPool(SentinelConnectionPool):
    """Connections to the master, whom the Sentinels name once a second.

    redis-py asks them only when it connects. A master that was replaced while it runs keeps its
    connections and takes writes, for about ten seconds, that are lost when it follows the new one.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)  # type: ignore[no-untyped-call]  # has no types
        self._asked = Throttle()

    def get_connection(self, *_: Any, **__: Any) -> Connection:
        if self._asked.due() is not None:
            with suppress(
                redis.ConnectionError
            ):  # without them, the master we know is still the best
                self.get_master_address()  # type: ignore[no-untyped-call]  # has no types
        return super().get_connection()


def _cluster(parts: SplitResult) -> RedisCluster:
    if parts.path.strip("/"):
        raise UnreadableAddress("a cluster has no databases and no services")
    nodes = [ClusterNode(host, port) for host, port in _addresses(parts, 6379)]
    cluster = RedisCluster(startup_nodes=nodes, **_credentials(parts), **_impatient())
    manager: Any = cluster.nodes_manager
    manager.initialize = InBackground(manager.initialize)
    return cluster


class InBackground:
    """Asks a cluster for its masters again, and lets the request go that found one silent.

    redis-py asks one node after the other before it reports the failure, and one thread after the
    other: a cluster that is silent as a whole would hold each for seconds.
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


def _impatient(timeout: float = TIMEOUT) -> dict[str, Any]:
    return {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
    }


class Script:
    """A script of one key, asked for by its hash, or sent whole to a server that was not told yet.

    A replica that became the master was not. redis-py would then tell every master, and give up
    where one of the others is silent.
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
    """Turns a failing server into `StoreUnavailable`, and asks a server that failed only seldom."""

    def __init__(self, log: Throttle) -> None:
        """`log` says when the next failure may be logged."""
        self._lock = Lock()
        self._next_try: float | None = None
        self._log = log

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Raises `StoreUnavailable` for a failure, `ValueError` for a key of another type."""
        self._wait_for_turn()
        try:
            yield
        except FAILURES as error:
            if str(error).startswith("WRONGTYPE"):
                raise ValueError("the key holds another type") from error
            if not isinstance(error, ResponseError) or isinstance(error, ClusterDownError):
                self._try_again_at(time.monotonic() + PAUSE)
            raise self._failed(error) from error
        else:
            self._try_again_at(None)

    def _failed(self, error: Exception) -> StoreUnavailable:
        # Sentinel's message goes on with the settings of every client that it asked with.
        unavailable = StoreUnavailable(f"Redis: {str(error).partition(' : <')[0]}")
        if self._log.due() is not None:
            logger.error("%s", unavailable)
        return unavailable

    def _try_again_at(self, moment: float | None) -> None:
        with self._lock:
            self._next_try = moment

    def _wait_for_turn(self) -> None:
        with self._lock:
            if self._next_try is None:
                return
            if time.monotonic() < self._next_try:
                raise StoreUnavailable("Redis did not answer a moment ago")
            self._next_try = time.monotonic() + PAUSE
