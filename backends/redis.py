"""Sessions in Redis: a hash for each, so that each field is written separately."""

import logging
import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import Any

from flask import Flask
from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import RedisClusterException, ResponseError

from backends.deadline import one_deadline
from backends.record import (
    EXPIRES,
    OWNER,
    SEAL_LENGTH,
    hash_owner,
    pack,
    seal,
    unless_ended,
    unpack,
)
from backends.redis_access.client import CircuitBreaker, Client, client_of, connect
from backends.redis_access.commands import Commands, Script
from backends.redis_access.pool import Command
from backends.redis_access.scripts import (
    CREATE,
    DELETE_AGAIN,
    END_OLDEST,
    ENLIST,
    RENEW_ROW,
    ROWS,
    UPDATE,
)
from backends.server_side import StoreInterface
from backends.settings import DEFAULT_KEY_PREFIX, key_prefix, longest_seconds
from backends.store import (
    AtRest,
    Clock,
    Fields,
    Record,
    SessionGone,
    Store,
    StoreUnavailable,
    wall_clock,
)
from backends.throttle import Throttle

logger = logging.getLogger(__name__)

LOGIN_TIMEOUT_SECONDS = 60
"""Time in which a row may lack its record, which is written after it."""

RENEW_ROW_BELOW = 0.9
"""An update renews its row in the list if less than this part of the record's life is left."""

SAFE_POLICIES = ("noeviction", "volatile-ttl")
"""Values of `maxmemory-policy` under which no session ends, or its list, before another's end."""

MAX_BATCH = 100
"""Records to delete before their rows leave the list: what is done counts if time runs out."""

MAX_PROBES = 10_000
"""Keys to try for one on each master; with a hash tag in the prefix all are on one."""

MAX_LIST_SECONDS = 400 * 24 * 3600
"""Keeps an owner's list this long after the last login if there is no absolute limit: browsers
keep no cookie for longer (RFC 6265bis 5.5)."""


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
        clock: Clock = wall_clock,
        max_session_seconds: float = MAX_LIST_SECONDS,
    ) -> None:
        """`max_session_seconds`: no session lives longer, even if it is used."""
        self.client = client
        self.prefix = prefix
        self.clock = clock
        self.max_session_seconds = min(max_session_seconds, MAX_LIST_SECONDS)
        self._breakers = defaultdict[str, CircuitBreaker](partial(CircuitBreaker, Throttle()))
        self._commands = Commands(client)
        self._create = Script(self._commands, CREATE)
        self._update = Script(self._commands, UPDATE)
        self._enlist = Script(self._commands, ENLIST)
        self._renew_row = Script(self._commands, RENEW_ROW)
        self._rows = Script(self._commands, ROWS)
        self._take_oldest = Script(self._commands, END_OLDEST)

    @one_deadline()
    def create(self, key: str, fields: Fields, ttl: float, owner: str | None = None) -> None:
        if owner is not None:
            fields = {**fields, OWNER: hash_owner(owner)}
            arguments = (key, repr(self.clock()), self._list_seconds())
            self._with_list(hash_owner(owner), lambda listed: self._enlist(listed, *arguments))
        written: Command = (_milliseconds(ttl), *_flat(pack(fields, self.clock(), ttl)))
        record = self.prefix + key
        try:
            with self._guard(record):
                created = self._create.call(record, ("first", *written), ("again", *written))
        except ValueError:
            raise KeyError(key) from None
        if not created:
            raise KeyError(key)

    @one_deadline()
    def load(self, key: str) -> Record | None:
        record = self.prefix + key
        try:
            with self._guard(record):
                answer = self._commands.run(record, ("HGETALL", record))
            return unless_ended(unpack(_text(answer), self.clock())) if answer else None
        except ValueError as damage:
            logger.warning("session record %s is damaged: %s", key[:12], damage)
            return None

    @one_deadline()
    def update(self, key: str, changed: Fields, removed: Collection[str], ttl: float) -> None:
        record, now = self.prefix + key, self.clock()
        sealed = pack(changed, now, ttl)
        names = map(_bytes, removed)
        try:
            with self._guard(record):
                was = self._update(
                    record, _milliseconds(ttl), repr(now), len(sealed), *_flat(sealed), *names
                )
        except ValueError:
            raise SessionGone from None
        if not was:
            raise SessionGone
        is_touch = not changed and not removed
        if is_touch or float(_str(was[0])[SEAL_LENGTH:]) - now < RENEW_ROW_BELOW * ttl:
            self._renew(key, was[1], was[2], now + ttl)

    @one_deadline()
    def delete(self, key: str) -> bool:
        deleted, owner = self._delete_record(key)
        if owner is not None:
            self._remove_rows(owner, [key])
        return deleted

    @one_deadline()
    def sessions_of(self, owner: str) -> dict[str, Record]:
        name = hash_owner(owner)
        rows = self._rows_of(name)
        found = {key: self.load(key) for key in rows}
        missing = {key: end for key, end in rows.items() if found[key] is None}
        self._remove_ended_rows(name, missing)
        return {key: record for key, record in found.items() if record is not None}

    @one_deadline()
    def end_oldest(self, owner: str, key: str, limit: int) -> list[str]:
        name = hash_owner(owner)
        others = {other: end for other, end in self._rows_of(name).items() if other != key}
        if sum(end >= 0 for end in others.values()) >= limit:
            self._remove_ended_rows(name, others, limit)
        taken = self._with_list(name, lambda listed: self._take_oldest(listed, key, limit))
        keys, ended = [_str(other) for other in taken], list[str]()
        for first in range(0, len(keys), MAX_BATCH):
            batch = keys[first : first + MAX_BATCH]
            ended += [other for other in batch if self._delete_record(other)[0] or other == key]
            self._remove_rows(name, batch)
        return ended

    @one_deadline()
    def eviction_risk(self) -> str | None:
        """One line if Redis may end sessions, or lose the lists of their owners, when it is full.

        `None` also where the server does not tell its policy.
        """
        with self._guard(self.prefix):
            policies = {_policy_of(master) for master in self._masters()} - {None, *SAFE_POLICIES}
        if not policies:
            return None
        return (
            f"Redis: maxmemory-policy is {', '.join(sorted(map(str, policies)))}, which may end "
            "sessions, or remove the lists by which their owners end them, when it is full. Set "
            "noeviction or volatile-ttl."
        )

    def probe_keys(self) -> list[str]:
        """New keys that nothing uses, one on each master: a store works if all of them work."""
        if not isinstance(self.client, RedisCluster):
            return [secrets.token_hex(32)]
        masters, keys = len(self.client.get_primaries()), dict[str, str]()
        for _ in range(MAX_PROBES):
            key = secrets.token_hex(32)
            with suppress(RedisClusterException):  # no node has this slot
                keys.setdefault(self.client.get_node_from_key(self.prefix + key).name, key)
            if len(keys) == masters:
                break
        return list(keys.values())

    def at_rest(self, key: str) -> AtRest | None:
        record = self.load(key)
        if record is None:
            return None
        sealed = pack(record.fields, record.seen, record.ttl)
        size = sum(map(len, _flat(sealed)))
        return AtRest(self.prefix + key, size, record.ttl, record.fields)

    def _delete_record(self, key: str) -> tuple[bool, str | None]:
        """Whether there was a record, and the hash of its owner.

        Reading the owner first leaves a connection that works to the command that counts. If its
        answer is lost all the same, and the second try finds nothing, then nobody knows.
        """
        record = self.prefix + key
        owner = None
        with suppress(ValueError), self._guard(record):
            owner = self._commands.run(record, ("HGET", record, OWNER))
        with self._guard(record):
            answer = self._commands.run(record, ("DEL", record), ("EVAL", DELETE_AGAIN, 1, record))
        if answer == [0]:
            raise StoreUnavailable("Redis: the answer to a deletion was lost")
        return bool(answer), _unseal_owner(owner)

    def _renew(self, key: str, owner: Any, created: Any, end: float) -> None:
        """Write the row of a session again that lives until `end`: its list may be evicted."""
        name = _unseal_owner(owner)
        if name is None:
            return
        try:
            begun = float(_str(created)[SEAL_LENGTH:]) if created else end
        except ValueError:
            begun = end
        seconds = self._list_seconds()
        row = (key, repr(max(end, begun + seconds)), repr(end), seconds)
        with suppress(StoreUnavailable):  # the update is done, and the next one renews the row too
            self._with_list(name, lambda listed: self._renew_row(listed, *row))

    def _rows_of(self, owner: str) -> dict[str, float]:
        """The keys in the owner's list, and when their sessions must have ended."""
        rows = self._with_list(owner, self._rows)
        return {_str(key): float(end) for key, end in zip(rows[::2], rows[1::2], strict=True)}

    def _remove_ended_rows(
        self, owner: str, rows: dict[str, float], enough: float = float("inf")
    ) -> None:
        """Remove those without a living record, but not one whose login has yet to write it.

        Looks at the newest first, until it has found `enough` that stay.
        """
        settled = self.clock() - LOGIN_TIMEOUT_SECONDS + self.max_session_seconds
        ended, staying = list[str](), 0
        for key, end in reversed(rows.items()):
            if 0 <= end <= settled and self._has_ended(key):
                ended.append(key)
            else:
                staying += end >= 0
            if staying >= enough:
                break
        if ended:
            self._remove_rows(owner, ended)

    def _has_ended(self, key: str) -> bool:
        """Whether the record is gone or over; a damaged one is neither."""
        record = self.prefix + key
        try:
            with self._guard(record):
                expires = self._commands.run(record, ("HGET", record, EXPIRES))
                if expires is None:
                    return not self._commands.run(record, ("EXISTS", record))
            return float(_str(expires)[SEAL_LENGTH:]) <= self.clock()
        except ValueError:
            return False

    def _remove_rows(self, owner: str, keys: list[str]) -> None:
        self._with_list(owner, lambda listed: self._commands.run(listed, ("ZREM", listed, *keys)))

    def _list_seconds(self) -> int:
        return max(1, int(self.max_session_seconds))

    def _masters(self) -> list[Any]:
        if not isinstance(self.client, RedisCluster):
            return [self.client]
        cluster = self.client
        return [cluster.get_redis_connection(node) for node in cluster.get_primaries()]

    def _with_list(self, owner: str, ask: Callable[[str], Any]) -> Any:
        """Call `ask` with the key of the owner's list; first remove a key of another type."""
        listed = f"{self.prefix}of:{owner}"
        try:
            with self._guard(listed):
                return ask(listed)
        except ValueError as damage:
            logger.warning("an owner's list is damaged: %s", damage)
            with self._guard(listed):
                self._commands.run(listed, ("DEL", listed))
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
    store = RedisStore(client, key_prefix(app), clock, longest_seconds(app))
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


def _text(answer: Any) -> Fields:
    """The fields, by whatever protocol, whether the client decodes or not.

    Raises `ValueError` for what is no text.
    """
    if isinstance(answer, list):
        answer = dict(zip(answer[::2], answer[1::2], strict=True))
    return {_str(name): _str(text) for name, text in answer.items()}


def _str(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "surrogatepass")


def _unseal_owner(sealed: str | bytes | None) -> str | None:
    """The hash of the owner's name; `None` without one, or if it is damaged."""
    if sealed is None:
        return None
    text = _str(sealed)
    owner = text[SEAL_LENGTH:]
    return owner if seal(OWNER, owner) == text else None


def _policy_of(master: "Redis") -> str | None:
    """Its `maxmemory-policy`; `None` if it does not tell."""
    with suppress(ResponseError):
        told: Any = master.config_get("maxmemory-policy")
        if told:
            return _str(next(iter(told.values())))
    with suppress(ResponseError):
        memory: Any = master.info("memory")
        return str(memory.get("maxmemory_policy", "")) or None
    return None
