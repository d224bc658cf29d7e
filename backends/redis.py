"""Sessions in Redis: a hash for every session, so that each field is written for itself."""

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

from backends.record import EXPIRES, OWNER, SEAL_LENGTH, living, name_of, pack, unpack
from backends.redis_client import CircuitBreaker, Client, Script, client_of, connect
from backends.server_side import StoreInterface
from backends.settings import DEFAULT_KEY_PREFIX, absolute_seconds, key_prefix
from backends.store import AtRest, Clock, Fields, Record, SessionGone, Store
from backends.throttle import Throttle

logger = logging.getLogger(__name__)

UNSETTLED = 60
"""Seconds in which a row may still wait for its record, which is written after it."""

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

LIST = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[2])
redis.call('ZADD', KEYS[1], ARGV[2] + ARGV[3], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""
"""KEYS: an owner's list. ARGV: the key to add, now, the seconds that no session outlives.

A row whose session must be over leaves with the next login, and all of them without one.
"""

DELETE = f"""
local owner = redis.call('HGET', KEYS[1], '{OWNER}')
return {{redis.call('DEL', KEYS[1]), owner}}
"""
"""KEYS: the record. Returns whether it was there, and its owner's sealed name."""


class RedisStore(Store):
    """A hash for every record, and a sorted set of keys for every owner.

    Expiry is Redis' own, and the record's.

    A script touches one key only, so that it runs on a cluster. An owner's row is written before
    the record and removed after it: a crash in between leaves a row without a record, which leaves
    the list when it is next read, and never a session that its owner cannot see.
    """

    def __init__(
        self,
        client: Client,
        prefix: str = DEFAULT_KEY_PREFIX,
        clock: Clock = time.time,
        longest: float = LONGEST,
    ) -> None:
        """`longest`: seconds that no session outlives, however much it is used."""
        self.client = client
        self.prefix = prefix
        self.clock = clock
        self.longest = min(longest, LONGEST)
        self._outages = defaultdict[str, CircuitBreaker](partial(CircuitBreaker, Throttle()))
        self._create = Script(client, CREATE)
        self._update = Script(client, UPDATE)
        self._delete = Script(client, DELETE)
        self._enlist = Script(client, LIST)

    def create(self, key: str, fields: Fields, ttl: float, owner: str | None = None) -> None:
        if owner is not None:
            fields = {**fields, OWNER: name_of(owner)}
            arguments = (key, repr(self.clock()), max(1, int(self.longest)))
            self._on_list(name_of(owner), lambda listed: self._enlist(listed, *arguments))
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
        record = self.prefix + key
        try:
            with self._guard(record):
                updated = self._update(record, *arguments)
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
            self._on_list(_str(owner)[SEAL_LENGTH:], lambda listed: self.client.zrem(listed, key))
        return bool(deleted)

    def sessions_of(self, owner: str) -> dict[str, Record]:
        name = name_of(owner)
        rows = self._on_list(
            name, lambda listed: self.client.zrange(listed, 0, -1, withscores=True)
        )
        found = {_str(key): self.load(_str(key)) for key, _ in rows}
        settled = self.clock() - UNSETTLED + self.longest
        ended = [_str(key) for key, end in rows if end <= settled and found[_str(key)] is None]
        if ended:
            self._on_list(name, lambda listed: self.client.zrem(listed, *ended))
        return {key: record for key, record in found.items() if record is not None}

    def at_rest(self, key: str) -> AtRest | None:
        record = self.load(key)
        if record is None:
            return None
        sealed = pack(record.fields, record.seen, record.ttl)
        size = sum(map(len, _flat(sealed)))
        return AtRest(self.prefix + key, size, record.ttl, record.fields)

    def _on_list(self, owner: str, ask: Callable[[str], Any]) -> Any:
        """What `ask` makes of the owner's list; a key of another type in its place is removed."""
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
        """The guard of the server that holds the key: its failure says nothing of the others."""
        server = ""
        if isinstance(self.client, RedisCluster):
            with suppress(RedisClusterException):  # nobody holds it, as the command will find too
                server = self.client.get_node_from_key(key).name
        return self._outages[server].guard()


def install(app: Flask, clock: Clock) -> StoreInterface:
    """Sessions in the Redis of `REDIS_URL` or of the ready client `SESSION_REDIS`."""
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
    # A key that a visitor chose may hold half a surrogate pair, which plain UTF-8 has no bytes for.
    return text.encode("utf-8", "surrogatepass")


def _text(answer: dict[Any, Any]) -> Fields:
    """The fields of a client that decodes responses and of one that does not.

    Raises `ValueError` where they are not text.
    """
    return {_str(name): _str(text) for name, text in answer.items()}


def _str(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "surrogatepass")
