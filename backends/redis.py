"""Sessions in Redis: a hash for every session, so that each field is written for itself."""

import logging
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import redis
from flask import Flask
from flask_session.defaults import Defaults
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry
from redis.sentinel import Sentinel

from backends.configuration import ConfigurationError, absolute_seconds
from backends.events import Seldom
from backends.interface import StoreInterface
from backends.record import EXPIRES, OWNER, SEAL_LENGTH, living, name_of, pack, unpack
from backends.store import AtRest, Clock, Fields, Record, SessionGone, Store, StoreUnavailable

logger = logging.getLogger(__name__)

Client = redis.Redis | RedisCluster

TIMEOUT = 0.4
"""Seconds for a connection and for an answer: a page that needs both still ends within a second."""

PAUSE = 0.5
"""Seconds after a failure in which only one request asks again and the others fail at once.

A frozen server would otherwise hold every thread for its timeout, those included that serve pages
without a session.
"""

LONGEST = 400 * 24 * 3600
"""Seconds that an owner's list is kept after his last login where no absolute limit is set; the
longest that a browser keeps a cookie (RFC 6265bis 5.5)."""

CREATE = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
"""
"""KEYS: the record. ARGV: milliseconds to live, then name, text, name, text, …"""

UPDATE = f"""
local expires = redis.call('HGET', KEYS[1], '{EXPIRES}')
if not expires or tonumber(string.sub(expires, {SEAL_LENGTH + 1})) <= tonumber(ARGV[2]) then
  return 0
end
local last = 3 + 2 * tonumber(ARGV[3])
for i = 4, last, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = last + 1, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
"""
"""KEYS: the record. ARGV: milliseconds to live, now, how many fields, name, text, …, removed names.

One script is one atomic step, so nothing can end the session between the check and the write.
"""

DELETE = f"""
local owner = redis.call('HGET', KEYS[1], '{OWNER}')
return {{redis.call('DEL', KEYS[1]), owner}}
"""
"""KEYS: the record. Returns whether it was there, and its owner's sealed name."""


class RedisStore(Store):
    """A hash for every record, and a set of keys for every owner. Expiry is Redis' own, and ours.

    A script touches one key only, so that it runs on a cluster. An owner's row is written before
    the record and removed after it: a crash in between leaves a row without a record, which leaves
    the list when it is next read, and never a session that its owner cannot see.
    """

    def __init__(
        self,
        client: Client,
        prefix: str = Defaults.SESSION_KEY_PREFIX,
        clock: Clock = time.time,
        longest: float = LONGEST,
    ) -> None:
        """`longest`: seconds that no session outlives, however much it is used."""
        self.client = client
        self.prefix = prefix
        self.clock = clock
        self.longest = min(longest, LONGEST)
        self._outage = Outage()
        self._create = client.register_script(CREATE)
        self._update = client.register_script(UPDATE)
        self._delete = client.register_script(DELETE)

    def create(self, key: str, fields: Fields, ttl: float, owner: str | None = None) -> None:
        if owner is not None:
            fields = {**fields, OWNER: name_of(owner)}
            self._list(name_of(owner), key)
        arguments: list[bytes | str | int] = [
            _milliseconds(ttl),
            *_flat(pack(fields, self.clock(), ttl)),
        ]
        with self._outage.guard():
            created = self._create(keys=[self.prefix + key], args=arguments)
        if not created:
            raise KeyError(key)

    def load(self, key: str) -> Record | None:
        try:
            with self._outage.guard():
                answer: Any = self.client.hgetall(self.prefix + key)
            return living(unpack(_text(answer), self.clock())) if answer else None
        except ValueError as damage:
            logger.warning("session record %s is damaged: %s", key[:12], damage)
            return None

    def update(self, key: str, changed: Fields, removed: Collection[str], ttl: float) -> None:
        now = self.clock()
        sealed = pack(changed, now, ttl)
        arguments: list[bytes | str | int] = [
            _milliseconds(ttl),
            repr(now),
            len(sealed),
            *_flat(sealed),
            *map(_bytes, removed),
        ]
        try:
            with self._outage.guard():
                updated = self._update(keys=[self.prefix + key], args=arguments)
        except ValueError:
            raise SessionGone from None
        if not updated:
            raise SessionGone

    def delete(self, key: str) -> bool:
        try:
            with self._outage.guard():
                deleted, owner = self._delete(keys=[self.prefix + key])
        except ValueError:
            with self._outage.guard():
                return bool(self.client.delete(self.prefix + key))
        if owner is not None:
            with self._outage.guard():
                self.client.srem(self._list_key(_str(owner)[SEAL_LENGTH:]), key)
        return bool(deleted)

    def sessions_of(self, owner: str) -> dict[str, Record]:
        listed = self._list_key(name_of(owner))
        with self._outage.guard():
            keys: Any = self.client.smembers(listed)
        found = {key: self.load(key) for key in map(_str, keys)}
        ended = [key for key, record in found.items() if record is None]
        if ended:
            with self._outage.guard():
                self.client.srem(listed, *ended)
        return {key: record for key, record in found.items() if record is not None}

    def at_rest(self, key: str) -> AtRest | None:
        record = self.load(key)
        if record is None:
            return None
        sealed = pack(record.fields, record.seen, record.ttl)
        size = sum(map(len, _flat(sealed)))
        return AtRest(self.prefix + key, size, record.ttl, record.fields)

    def _list(self, owner: str, key: str) -> None:
        with self._outage.guard():
            pipeline: Any = self.client.pipeline(transaction=False)
            pipeline.sadd(self._list_key(owner), key)
            pipeline.expire(self._list_key(owner), max(1, int(self.longest)))
            pipeline.execute()

    def _list_key(self, owner: str) -> str:
        return f"{self.prefix}of:{owner}"


class Outage:
    """Turns a failing server into `StoreUnavailable`, and asks a server that failed only seldom."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._next_try: float | None = None
        self._log = Seldom()

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Raises `StoreUnavailable` for a failure, `ValueError` for a key of another type."""
        self._wait_for_turn()
        try:
            yield
        except ResponseError as error:
            if str(error).startswith("WRONGTYPE"):
                raise ValueError("the key holds another type") from error
            raise self._failed(error) from error
        except (RedisError, OSError) as error:
            self._next_try = time.monotonic() + PAUSE
            raise self._failed(error) from error
        else:
            self._next_try = None

    def _failed(self, error: Exception) -> StoreUnavailable:
        unavailable = StoreUnavailable(f"Redis: {error}")
        if self._log.due() is not None:
            logger.error("%s", unavailable)
        return unavailable

    def _wait_for_turn(self) -> None:
        with self._lock:
            if self._next_try is None:
                return
            if time.monotonic() < self._next_try:
                raise StoreUnavailable("Redis did not answer a moment ago")
            self._next_try = time.monotonic() + PAUSE


def install(app: Flask, clock: Clock) -> StoreInterface:
    """Sessions in the Redis of `REDIS_URL` or of the ready client `SESSION_REDIS`."""
    prefix = app.config.get("SESSION_KEY_PREFIX", Defaults.SESSION_KEY_PREFIX)
    store = RedisStore(client_of(app, connect), prefix, clock, absolute_seconds(app))
    return StoreInterface(app, store, clock)


def client_of(app: Flask, connect: Callable[[str], Client]) -> Client:
    """The client that the application gives, or a connection to the URL that it names.

    There is no default: an application that forgot its URL must not keep its sessions elsewhere.
    Raises `ConfigurationError` without either, and for an address that redis-py cannot read.
    """
    client = app.config.get("SESSION_REDIS")
    url = app.config.get("REDIS_URL")
    if client is None and url:
        try:
            client = connect(url)
            if isinstance(client, redis.Redis):
                client.connection_pool.make_connection()  # reads the options, connects to nothing
        except (ValueError, TypeError) as error:
            # What redis-py says of it can hold a part of the password.
            raise ConfigurationError(
                "REDIS_URL cannot be read. Give redis://host:port/db, rediss://…, unix://path, "
                "redis+sentinel://host:port,host:port/service/db or "
                "redis+cluster://host:port,host:port; in a password write / as %2F and # as %23."
            ) from error
        except (RedisError, OSError) as error:
            raise ConfigurationError(
                f"REDIS_URL cannot be used: {error}. Start that Redis, or name another."
            ) from error
    if client is None:
        raise ConfigurationError(
            "REDIS_URL is not set: give redis://host:port/db, rediss://… or unix://path."
        )
    if not isinstance(client, redis.Redis | RedisCluster):
        raise ConfigurationError(
            f"SESSION_REDIS is a {type(client).__name__}: give a client of redis.Redis."
        )
    return client


def connect(url: str) -> Client:
    """A client that gives up soon and does not try again: the page says so within a second.

    Raises `ValueError` or `RedisError` for an address that cannot be read; a cluster is asked for
    its nodes at once.
    """
    parts = urlsplit(url)
    if parts.scheme == "redis+sentinel":
        return _sentinel(parts)
    if parts.scheme == "redis+cluster":
        nodes = [ClusterNode(host, port) for host, port in _addresses(parts, 6379)]
        return RedisCluster(startup_nodes=nodes, **_credentials(parts), **_impatient())
    return redis.Redis.from_url(url, **_impatient())


def _sentinel(parts: SplitResult) -> "redis.Redis":
    service, _, db = parts.path.strip("/").partition("/")
    if not service:
        raise ValueError("a Sentinel address names its service: redis+sentinel://host:port/service")
    options = {**_credentials(parts), **_impatient()}
    sentinel = Sentinel(_addresses(parts, 26379), sentinel_kwargs=_impatient(), **options)
    client: redis.Redis = sentinel.master_for(service, db=int(db or 0))
    return client


def _addresses(parts: SplitResult, port: int) -> list[tuple[str, int]]:
    hosts = parts.netloc.rpartition("@")[2].split(",")
    pairs = [urlsplit(f"//{host}") for host in hosts]
    if not all(pair.hostname for pair in pairs):
        raise ValueError("it names no host")
    return [(str(pair.hostname), pair.port or port) for pair in pairs]


def _credentials(parts: SplitResult) -> dict[str, Any]:
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    given = {"username": unquote(user), "password": unquote(password)}
    return {name: value for name, value in given.items() if value}


def _impatient() -> dict[str, Any]:
    return {
        "socket_timeout": TIMEOUT,
        "socket_connect_timeout": TIMEOUT,
        "retry": Retry(NoBackoff(), 0),
    }


def _milliseconds(ttl: float) -> int:
    return max(1, round(ttl * 1000))


def _flat(fields: Fields) -> Iterator[bytes]:
    for name, text in fields.items():
        yield _bytes(name)
        yield _bytes(text)


def _bytes(text: str) -> bytes:
    # A key that a visitor chose may hold half a surrogate pair, which plain UTF-8 has no bytes for.
    return text.encode("utf-8", "surrogatepass")


def _text(answer: dict[Any, Any]) -> Fields:
    """The fields of a client that decodes responses and of one that does not.

    Raises `ValueError` where they are not text.
    """
    return {_str(name): _str(text) for name, text in answer.items()}


def _str(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "surrogatepass")
