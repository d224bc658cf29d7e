"""Sessions in Redis: a hash for every session, so that each field is written for itself."""

import logging
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

import redis
from flask import Flask
from flask_session.defaults import Defaults
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from backends.configuration import ConfigurationError
from backends.interface import StoreInterface
from backends.record import EXPIRES, SEAL_LENGTH, pack, seal, unpack
from backends.store import AtRest, Clock, Fields, Record, SessionGone, Store, StoreUnavailable

logger = logging.getLogger(__name__)

TIMEOUT = 0.4
"""Seconds for a connection and for an answer: a page that needs two still ends within a second."""

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


class RedisStore(Store):
    """A hash for every record. Expiry is Redis' own, and the record's."""

    def __init__(
        self,
        client: "redis.Redis",
        prefix: str = Defaults.SESSION_KEY_PREFIX,
        clock: Clock = time.time,
    ) -> None:
        self.client = client
        self.prefix = prefix
        self.clock = clock
        self._create = client.register_script(CREATE)
        self._update = client.register_script(UPDATE)

    def create(self, key: str, fields: Fields, ttl: float) -> None:
        arguments: list[bytes | str | int] = [
            _milliseconds(ttl),
            *_flat(pack(fields, self.clock() + ttl)),
        ]
        with _available():
            created = self._create(keys=[self.prefix + key], args=arguments)
        if not created:
            raise KeyError(key)

    def load(self, key: str) -> Record | None:
        try:
            with _available():
                answer: Any = self.client.hgetall(self.prefix + key)
            return unpack(_text(answer), self.clock()) if answer else None
        except ValueError as damage:
            logger.warning("session record %s is damaged: %s", key[:12], damage)
            return None

    def update(self, key: str, changed: Fields, removed: Collection[str], ttl: float) -> None:
        now = self.clock()
        sealed = {name: seal(name, text) for name, text in changed.items()}
        sealed[EXPIRES] = seal(EXPIRES, f"{now + ttl:.3f}")
        arguments: list[bytes | str | int] = [
            _milliseconds(ttl),
            repr(now),
            len(sealed),
            *_flat(sealed),
            *map(_bytes, removed),
        ]
        try:
            with _available():
                updated = self._update(keys=[self.prefix + key], args=arguments)
        except ValueError:
            raise SessionGone from None
        if not updated:
            raise SessionGone

    def delete(self, key: str) -> bool:
        with _available():
            return bool(self.client.delete(self.prefix + key))

    def at_rest(self, key: str) -> AtRest | None:
        record = self.load(key)
        if record is None:
            return None
        sealed = pack(record.fields, self.clock() + record.ttl)
        size = sum(map(len, _flat(sealed)))
        return AtRest(self.prefix + key, size, record.ttl, record.fields)


def install(app: Flask, clock: Clock) -> StoreInterface:
    """Sessions in the Redis of `REDIS_URL` or of the ready client `SESSION_REDIS`."""
    prefix = app.config.get("SESSION_KEY_PREFIX", Defaults.SESSION_KEY_PREFIX)
    return StoreInterface(app, RedisStore(client_of(app, connect), prefix, clock), clock)


def client_of(app: Flask, connect: "Callable[[str], redis.Redis]") -> "redis.Redis":
    """The client that the application gives, or a connection to the URL that it names.

    There is no default: an application that forgot its URL must not keep its sessions elsewhere.
    Raises `ConfigurationError` without either, and for an address that redis-py cannot read.
    """
    client = app.config.get("SESSION_REDIS")
    url = app.config.get("REDIS_URL")
    if client is None and url:
        try:
            client = connect(url)
            client.connection_pool.make_connection()  # reads the options, and connects to nothing
        except (ValueError, TypeError, RedisError) as error:
            # What redis-py says of it can hold a part of the password.
            raise ConfigurationError(
                "REDIS_URL cannot be read. Give redis://host:port/db, rediss://… or unix://path; "
                "in a password write / as %2F and # as %23."
            ) from error
    if client is None:
        raise ConfigurationError(
            "REDIS_URL is not set: give redis://host:port/db, rediss://… or unix://path."
        )
    if not isinstance(client, redis.Redis):
        raise ConfigurationError(
            f"SESSION_REDIS is a {type(client).__name__}: give a client of redis.Redis."
        )
    return client


def connect(url: str) -> "redis.Redis":
    """A client that gives up soon and does not try again: the page says so within a second."""
    return redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        retry=Retry(NoBackoff(), 0),
    )


@contextmanager
def _available() -> Iterator[None]:
    """Raises `StoreUnavailable` for a failure, `ValueError` for a key that holds something else."""
    try:
        yield
    except ResponseError as error:
        if str(error).startswith("WRONGTYPE"):
            raise ValueError("the key holds another type") from error
        raise StoreUnavailable(f"Redis: {error}") from error
    except (RedisError, OSError) as error:
        raise StoreUnavailable(f"Redis: {error}") from error


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
