"""The client of Redis: its servers and its addresses.

It knows nothing of sessions and their records.
"""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import redis
from flask import Flask
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection, parse_url
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry
from redis.sentinel import Sentinel

from backends.redis_access.answers import FAILURES, UNFORESEEN, describe_answer
from backends.redis_access.pool import (
    DeadlineConnection,
    DeadlinePool,
    DeadlineSentinelConnection,
    DeadlineSentinelSSLConnection,
    DeadlineSSLConnection,
    DeadlineUnixConnection,
    MasterCheckingPool,
)
from backends.settings import ConfigurationError
from backends.timing import deadline
from backends.timing.turns import Turns

Client = redis.Redis | RedisCluster

DEADLINE_CLASSES: dict[Any, type[Connection] | type[UnixDomainSocketConnection]] = {
    Connection: DeadlineConnection,
    SSLConnection: DeadlineSSLConnection,
    UnixDomainSocketConnection: DeadlineUnixConnection,
}

PLAIN_OR_TLS = (DeadlineConnection, DeadlineSSLConnection)

CONNECTION_OPTIONS: dict[str, Any] = {
    "retry": Retry(NoBackoff(), 0),  # the pool asks again where that helps
    "driver_info": None,  # each answer that a handshake does not need is a part of the deadline
    "maint_notifications_config": MaintNotificationsConfig(enabled=False),
}

TLS_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
"""The options that name a file, or a folder of them."""

SHARED_OPTIONS = ("protocol", "max_connections")
"""The options behind the `?` that also an address of several servers may have."""


def client_of(app: Flask, connect: Callable[[str], Client]) -> Client:
    """The client in `SESSION_REDIS`, or one for the address in `REDIS_URL`.

    A ready client keeps its own timeouts and pool, and its retries of what may be repeated. One for
    `REDIS_URL` keeps a step's deadline (`backends.timing.deadline`), waits for a free connection,
    and asks twice where it may.
    There is no default: an application without an address must not keep its sessions elsewhere.
    Raises `ConfigurationError` without either, for an invalid address, and for a cluster that does
    not answer.
    """
    client: Client | None = app.config.get("SESSION_REDIS")
    url = app.config.get("REDIS_URL")
    if client is None and url:
        client = _connect_or_refuse(url, connect)
    if client is None:
        raise ConfigurationError(
            "REDIS_URL is not set: give redis://host:port/db, rediss://… or unix://path."
        )
    _check_ready_client(client)
    return client


def _connect_or_refuse(url: object, connect: Callable[[str], Client]) -> Client:
    if not isinstance(url, str):
        raise ConfigurationError("REDIS_URL is no text: give redis://host:port/db.")
    try:
        client = connect(url)
        if isinstance(client, redis.Redis):
            client.connection_pool.make_connection()  # reads the options, connects to nothing
    except FAILURES as error:
        raise ConfigurationError(_describe_refusal(url, error)) from None
    except UNFORESEEN as error:
        raise ConfigurationError(
            f"REDIS_URL cannot be read{_why_unreadable(url, error)}. Give redis://host:port/db, "
            "rediss://…, unix://path, redis+sentinel://host:port,host:port/service/db or "
            "redis+cluster://host:port,host:port (rediss+… for TLS); in a password write / as %2F "
            "and # as %23."
        ) from None
    return client


def _describe_refusal(url: str, error: Exception) -> str:
    """What redis-py says of an address that it can read, and what to do."""
    reason = describe_answer(error)
    if "Invalid SSL Certificate" in reason:
        return f"REDIS_URL: ssl_cert_reqs is none, optional or required ({reason})."
    if "protocol=2" in reason or "+cluster:" not in url:
        return f"REDIS_URL cannot be used: {reason}."
    return (
        f"REDIS_URL: no cluster answers there ({reason}). Start it, or name nodes of it that run; "
        "a single server is redis://host:port/db."
    )


def _why_unreadable(url: str, error: Exception) -> str:
    """The reason, in brackets, if it has no part of the password."""
    if isinstance(error, UnreadableAddress):
        return f" ({error})"
    for name in parse_qs(url.partition("?")[2]):
        if f"'{name}'" in str(error):  # TypeError for an unknown name, ValueError for a value
            return f" (the option {name} is unknown or has no valid value)"
    return ""


def _check_ready_client(client: object) -> None:
    if isinstance(client, redis.Redis | RedisCluster):
        return
    kind = type(client)
    name = f"a {kind.__name__}"
    if any(parent.__module__.startswith("redis.asyncio") for parent in kind.__mro__):
        name = f"an asyncio client (redis.asyncio.{kind.__name__}), which Flask cannot await"
    raise ConfigurationError(
        f"SESSION_REDIS is {name}: give a redis.Redis or a redis.RedisCluster, or leave it out and "
        "set REDIS_URL."
    )


def check_reads(client: Client) -> None:
    """Raise `ConfigurationError` for a client that may read what a session was before.

    A login would not be found by the next request, and a session that ended would go on.
    """
    asked: Any = client
    source: Any = asked.nodes_manager if isinstance(client, RedisCluster) else asked.connection_pool
    found = {
        "reads from replicas": getattr(asked, "read_from_replicas", False)
        or getattr(asked, "load_balancing_strategy", None) is not None
        or not getattr(source, "is_master", True),
        "keeps answers (cache)": getattr(source, "cache", getattr(source, "_cache", None))
        is not None,
    }
    for what, is_so in found.items():
        if is_so:
            raise ConfigurationError(
                f"SESSION_REDIS {what}, which may be behind: a login would not be found, and a "
                "session that ended would go on. Give a client that asks the masters each time."
            )


class UnreadableAddress(ValueError):
    """An invalid address of Sentinels or a cluster; its message has no password."""


def connect(url: str) -> Client:
    """A client that keeps the deadline of a step: a page fails within a second.

    Raises `ValueError` for an invalid address, and `RedisClusterException` if a cluster, which is
    asked for its nodes at once, does not answer.
    """
    parts = urlsplit(url)
    if parts.scheme in ("redis+sentinel", "rediss+sentinel"):
        return _sentinel(parts)
    if parts.scheme in ("redis+cluster", "rediss+cluster"):
        return _cluster(parts)
    _check_single(parts)
    options = parse_url(url)
    _check_files(options)
    kind = options.pop("connection_class", Connection)
    return _client(connection_class=DEADLINE_CLASSES[kind], **options)


def _check_single(parts: SplitResult) -> None:
    """Raise `ValueError` for what redis-py would take for the default, or fail at later."""
    if parts.scheme == "unix":
        if not parts.path:
            raise UnreadableAddress("it names no socket file")
        return
    if not parts.hostname:
        # Of an unset variable in its place; redis-py would take this machine.
        raise UnreadableAddress("it names no host")
    if not (parts.path.strip("/") or "0").isdecimal():
        raise UnreadableAddress("the database behind the host is a number")
    _check_host(parts.hostname)


def _check_files(options: dict[str, Any]) -> None:
    """Raise `ValueError` if a certificate or a key that the address names cannot be read.

    The error of a connection would not say which file is missing.
    """
    for name in TLS_FILES:
        file = options.get(name)
        if file is not None and not os.access(file, os.R_OK):
            raise UnreadableAddress(f"{name}={file} is no file that can be read")


def _check_host(name: str) -> None:
    """Raise `UnicodeError` if it cannot be looked up: a part of it is empty or too long."""
    name.encode("idna")


def _client(**options: Any) -> "redis.Redis":
    return redis.Redis(connection_pool=DeadlinePool(**CONNECTION_OPTIONS, **options))


def _sentinel(parts: SplitResult) -> "redis.Redis":
    service, _, db = parts.path.strip("/").partition("/")
    if not service:
        raise UnreadableAddress(
            "a Sentinel address names its service: redis+sentinel://host:port/service"
        )
    if not (db or "0").isdecimal():
        # What stands there may be the rest of a password with a slash: it is not shown.
        raise UnreadableAddress("the database behind the service is a number")
    addresses = _addresses(parts, 26379)
    options = _options(parts)
    # They are asked one after the other, before the server that they name.
    asking = {**options, "attempt_seconds": deadline.LIMIT_SECONDS / 2 / len(addresses)}
    sentinel = Sentinel(())
    sentinel.sentinels = [
        _client(host=host, port=port, connection_class=_class(parts, *PLAIN_OR_TLS), **asking)
        for host, port in addresses
    ]
    pool = MasterCheckingPool(
        service,
        sentinel,
        connection_class=_class(parts, DeadlineSentinelConnection, DeadlineSentinelSSLConnection),
        db=int(db or 0),
        **CONNECTION_OPTIONS,
        **options,
        **_credentials(parts),
    )
    return redis.Redis(connection_pool=pool)


def _cluster(parts: SplitResult) -> RedisCluster:
    if parts.path.strip("/"):
        raise UnreadableAddress("a cluster has no databases and no services")
    addresses = _addresses(parts, 6379)
    host, port = addresses[0]
    cluster = RedisCluster(
        # With an address, redis-py takes this pool for the nodes.
        url=f"redis://{f'[{host}]' if ':' in host else host}:{port}",
        startup_nodes=[ClusterNode(*address) for address in addresses[1:]],
        connection_pool_class=DeadlinePool,
        connection_class=_class(parts, *PLAIN_OR_TLS),
        retry=Retry(NoBackoff(), 0),
        driver_info=None,
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
        **_options(parts),
        **_credentials(parts),
    )
    manager: Any = cluster.nodes_manager
    manager.initialize = BackgroundRefresh(manager.initialize)
    return cluster


def describe_address(client: Client) -> str | None:
    """Where the client's servers are, without its password; `None` for one inside this process."""
    if isinstance(client, RedisCluster):
        names = sorted(each.name for each in client.get_primaries())
        return f"the Redis cluster of {', '.join(names)}"
    pool: Any = client.connection_pool
    options = pool.connection_kwargs
    if pool.connection_class.__module__.startswith("fakeredis."):
        return None
    if hasattr(pool, "service_name"):
        address = f"the service {pool.service_name} of Redis Sentinel"
    elif "path" in options:
        address = f"Redis at {options['path']}"
    else:
        address = f"Redis at {options.get('host', 'localhost')}:{options.get('port', 6379)}"
    return f"{address}, database {options.get('db') or 0}"


class BackgroundRefresh:
    """Refreshes a cluster's topology in the background, so that requests fail at once.

    redis-py asks one node after the other, in one thread after the other, before it reports the
    failure: if the whole cluster is down, each request would take seconds.
    """

    def __init__(self, initialize: Callable[..., None]) -> None:
        self._initialize = initialize
        self._running = Turns()

    def __call__(self, **options: Any) -> None:
        running = self._running[os.getpid()]
        if not running.acquire(blocking=False):
            return
        try:
            threading.Thread(target=self._run, kwargs=options, daemon=True).start()
        except RuntimeError:
            running.release()  # no thread can be started now: the next request that fails tries it

    def _run(self, **options: Any) -> None:
        try:
            with suppress(*FAILURES):  # the next request that fails asks again
                self._initialize(**options)
        finally:
            self._running[os.getpid()].release()


def _addresses(parts: SplitResult, port: int) -> list[tuple[str, int]]:
    hosts = parts.netloc.rpartition("@")[2].split(",")
    pairs = [urlsplit(f"//{host}") for host in hosts]
    if not all(pair.hostname for pair in pairs):
        raise UnreadableAddress("it names no host, or ends in a comma")
    for pair in pairs:
        _check_host(str(pair.hostname))
    return [(str(pair.hostname), pair.port or port) for pair in pairs]


def _options(parts: SplitResult) -> dict[str, Any]:
    """The options behind the `?` of several servers' address."""
    for name in parse_qs(parts.query):
        if name not in SHARED_OPTIONS and not (_is_tls(parts) and name.startswith("ssl_")):
            raise UnreadableAddress(
                "options behind a ? are for a single server, but for protocol, max_connections "
                "and, with TLS, ssl_…"
            )
    options = parse_url(f"redis://host?{parts.query}")
    _check_files(options)
    return {name: value for name, value in options.items() if name != "host"}


def _is_tls(parts: SplitResult) -> bool:
    return parts.scheme.startswith("rediss+")


def _class(parts: SplitResult, plain: type[Connection], tls: type[Connection]) -> type[Connection]:
    return tls if _is_tls(parts) else plain


def _credentials(parts: SplitResult) -> dict[str, Any]:
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    given = {"username": unquote(user), "password": unquote(password)}
    return {name: value for name, value in given.items() if value}
