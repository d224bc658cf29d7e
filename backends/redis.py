"""Sessions in Redis: a hash for each, so that each field is written separately."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import Any

from flask import Flask
from redis.cluster import RedisCluster
from redis.exceptions import RedisClusterException

from backends.record import EXPIRES, OWNER, SEAL_LENGTH, hash_owner, pack, unless_ended, unpack
from backends.redis_client import CircuitBreaker, Client, Script, client_of, connect
from backends.server_side import StoreInterface
from backends.settings import DEFAULT_KEY_PREFIX, absolute_seconds, key_prefix
from backends.store import AtRest, Clock, Fields, Record, SessionGone, Store
from backends.throttle import Throttle

logger = logging.getLogger(__name__)

LOGIN_TIMEOUT_SECONDS = 60
"""Time in which a row may lack its record, which is written after it."""

MAX_LIST_SECONDS = 400 * 24 * 3600
"""Keeps an owner's list this long after the last login if there is no absolute limit: browsers
keep no cookie for longer (RFC 6265bis 5.5)."""

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
"""KEYS: the record. ARGV: milliseconds to live, now, the number of fields, name, text, name, text,
…, removed names. As one atomic step, so nothing ends the session between check and write."""

LIST = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[2])
redis.call('ZADD', KEYS[1], ARGV[2] + ARGV[3], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""
"""KEYS: an owner's list. ARGV: key to add, now, longest life of a session (seconds).

Each login removes the rows of sessions that must have ended; without logins the list expires.
"""

DELETE = f"""
local owner = redis.call('HGET', KEYS[1], '{OWNER}')
return {{redis.call('DEL', KEYS[1]), owner}}
"""
"""KEYS: the record. Returns whether it existed, and the sealed hash of its owner."""


class RedisStore(Store):
    """A hash for each record, and a sorted set of keys for each owner.

    Records end by their own expiry and by that of Redis.

    Each script uses only one key, so that it runs on a cluster. An owner's row is written before
    the record and removed after it: a crash in between leaves a row without a record, which the
    next reading of the list removes, and never a session that its owner cannot see.
    """

    def __init__(
        self,
        client: Client,
        prefix: str = DEFAULT_KEY_PREFIX,
        clock: Clock = time.time,
        max_session_seconds: float = MAX_LIST_SECONDS,
    ) -> None:
        """`max_session_seconds`: no session lives longer, even if it is used."""
        self.client = client
        self.prefix = prefix
        self.clock = clock
        self.max_session_seconds = min(max_session_seconds, MAX_LIST_SECONDS)
        self._breakers = defaultdict[str, CircuitBreaker](partial(CircuitBreaker, Throttle()))
        self._create = Script(client, CREATE)
        self._update = Script(client, UPDATE)
        self._delete = Script(client, DELETE)
        self._enlist = Script(client, LIST)

    def create(self, key: str, fields: Fields, ttl: float, owner: str | None = None) -> None:
        if owner is not None:
            fields = {**fields, OWNER: hash_owner(owner)}
            arguments = (key, repr(self.clock()), max(1, int(self.max_session_seconds)))
            self._with_list(hash_owner(owner), lambda listed: self._enlist(listed, *arguments))
        record = self.prefix + key
        sealed = pack(fields, self.clock(), ttl)
        with self._guard(record):
            created = self._create(record, _milliseconds(ttl), *_flat(sealed))
        if not created:
            raise KeyError(key)

    def load(self, key: str) -> Record | None:
        record = self.prefix + key
        try:
            with self._guard(record):
                answer: Any = self.client.hgetall(record)
            return unless_ended(unpack(_text(answer), self.clock())) if answer else None
        except ValueError as damage:
            logger.warning("session record %s is damaged: %s", key[:12], damage)
            return None

    def update(self, key: str, changed: Fields, removed: Collection[str], ttl: float) -> None:
        record, now = self.prefix + key, self.clock()
        sealed = pack(changed, now, ttl)
        names = map(_bytes, removed)
        try:
            with self._guard(record):
                updated = self._update(
                    record, _milliseconds(ttl), repr(now), len(sealed), *_flat(sealed), *names
                )
        except ValueError:
            raise SessionGone from None
        if not updated:
            raise SessionGone

    def delete(self, key: str) -> bool:
        record = self.prefix + key
        try:
            with self._guard(record):
                deleted, owner = self._delete(record)
        except ValueError:
            with self._guard(record):
                return bool(self.client.delete(record))
        if owner is not None:
            self._with_list(_str(owner)[SEAL_LENGTH:], lambda listed: self.client.zrem(listed, key))
        return bool(deleted)

    def sessions_of(self, owner: str) -> dict[str, Record]:
        name = hash_owner(owner)
        rows = self._with_list(
            name, lambda listed: self.client.zrange(listed, 0, -1, withscores=True)
        )
        found = {_str(key): self.load(_str(key)) for key, _ in rows}
        settled = self.clock() - LOGIN_TIMEOUT_SECONDS + self.max_session_seconds
        ended = [_str(key) for key, end in rows if end <= settled and found[_str(key)] is None]
        if ended:
            self._with_list(name, lambda listed: self.client.zrem(listed, *ended))
        return {key: record for key, record in found.items() if record is not None}

    def at_rest(self, key: str) -> AtRest | None:
        record = self.load(key)
        if record is None:
            return None
        sealed = pack(record.fields, record.seen, record.ttl)
        size = sum(map(len, _flat(sealed)))
        return AtRest(self.prefix + key, size, record.ttl, record.fields)

    def _with_list(self, owner: str, ask: Callable[[str], Any]) -> Any:
        """Call `ask` with the key of the owner's list; first remove a key of another type."""
        listed = f"{self.prefix}of:{owner}"
        try:
            with self._guard(listed):
                return ask(listed)
        except ValueError as damage:
            logger.warning("an owner's list is damaged: %s", damage)
            with self._guard(listed):
                self.client.delete(listed)
                return ask(listed)

    def _guard(self, key: str) -> AbstractContextManager[None]:
        """The circuit breaker of the node that holds `key`; each node has its own."""
        node = ""
        if isinstance(self.client, RedisCluster):
            with suppress(RedisClusterException):  # no node has the key: the command will fail too
                node = self.client.get_node_from_key(key).name
        return self._breakers[node].guard()


def install(app: Flask, clock: Clock) -> StoreInterface:
    """Keep sessions in the Redis of `REDIS_URL` or of the client `SESSION_REDIS`."""
    client = client_of(app, connect)
    store = RedisStore(client, key_prefix(app), clock, absolute_seconds(app))
    return StoreInterface(app, store, clock)


def _milliseconds(ttl: float) -> int:
    return max(1, round(ttl * 1000))


def _flat(fields: Fields) -> Iterator[bytes]:
    for name, text in fields.items():
        yield _bytes(name)
        yield _bytes(text)


def _bytes(text: str) -> bytes:
    # A key that a visitor chose may contain a lone surrogate, which UTF-8 cannot encode.
    return text.encode("utf-8", "surrogatepass")


def _text(answer: dict[Any, Any]) -> Fields:
    """The fields, whether the client decodes or not. Raises `ValueError` for no text."""
    return {_str(name): _str(text) for name, text in answer.items()}


def _str(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "surrogatepass")
