"""Sessions in Redis: a string for each, replaced only if it is still as it was loaded."""

import logging
import os
import secrets
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from flask import Flask
from redis.cluster import RedisCluster
from redis.exceptions import RedisClusterException, ResponseError

from backends.failure_log import FailureLog
from backends.record import (
    HEAD_LENGTH,
    end_in,
    hash_owner,
    merge,
    owner_in,
    pack,
    split_created,
    unless_ended,
    unpack,
)
from backends.redis_access.client import Client, check_reads, client_of, connect, describe_address
from backends.redis_access.commands import Commands, Script
from backends.redis_access.eviction import unsafe_policies
from backends.redis_access.scripts import (
    CREATE_AGAIN,
    DELETE,
    END_OLDEST,
    ENLIST,
    RENEW_ROW,
    REPLACE,
    ROWS,
)
from backends.server_side import StoreInterface
from backends.settings import DEFAULT_KEY_PREFIX, key_prefix, longest_seconds
from backends.store import (
    RENEW_BELOW,
    AtRest,
    Clock,
    Fields,
    Record,
    SessionGone,
    Store,
    StoreUnavailable,
    wall_clock,
)
from backends.timing.deadline import one_deadline, seconds_left, within_deadline
from backends.timing.turns import Turns

logger = logging.getLogger(__name__)

TURNS = 64
"""Locks of a process for all records: only requests that write one record at once need one."""

LOGIN_TIMEOUT_SECONDS = 60
"""Time in which a row may lack its record, which is written after it."""

MAX_BATCH = 50
"""So many of a list are done before the next are begun: what is done counts if time runs out."""

MAX_PROBES = 10_000
"""Keys to try for one on each master; with a hash tag in the prefix all are on one."""

MAX_LIST_SECONDS = 400 * 24 * 3600
"""Keeps an owner's list this long after the last login if there is no absolute limit: browsers
keep no cookie for longer (RFC 6265bis 5.5)."""


class RedisStore(Store):
    """A string for each record, and a sorted set of keys for each owner.

    A record is written as a whole by compare-and-set. Where another request has written it
    meanwhile, the changes are applied to what that one wrote, and it is tried again.

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
        self._cluster = client if isinstance(client, RedisCluster) else None
        self.prefix = prefix
        self.clock = clock
        self.max_session_seconds = min(max_session_seconds, MAX_LIST_SECONDS)
        self._turns = Turns()
        self._commands = Commands(client, FailureLog(logger))
        self._replace = Script(self._commands, REPLACE)
        self._delete = Script(self._commands, DELETE)
        self._enlist = Script(self._commands, ENLIST)
        self._renew_row = Script(self._commands, RENEW_ROW)
        self._rows = Script(self._commands, ROWS)
        self._take_oldest = Script(self._commands, END_OLDEST)

    @within_deadline
    def create(self, key: str, fields: Fields, ttl: float, owner: str | None = None) -> None:
        name = None if owner is None else hash_owner(owner)
        if name is not None:
            arguments = (key, repr(self.clock()), self._list_seconds())
            self._with_list(name, lambda listed: self._enlist(listed, *arguments))
        fields, created = split_created(fields)
        record, data = self.prefix + key, pack(fields, self.clock(), ttl, name, created)
        life = _milliseconds(ttl)
        command = ("SET", record, data, "NX", "PX", life)
        again = ("EVAL", CREATE_AGAIN, 1, record, data, life)
        if not self._commands.run(record, command, again):
            raise KeyError(key)

    @within_deadline
    def load(self, key: str) -> Record | None:
        record = self.prefix + key
        try:
            answer = self._commands.run(record, ("GET", record))
            return unless_ended(unpack(answer, self.clock())) if answer else None
        except ValueError as damage:
            logger.warning("session record %s is damaged: %s", key[:12], damage)
            return None

    def update(self, key: str, changed: Fields, removed: Collection[str], ttl: float) -> None:
        with one_deadline():
            loaded = self.load(key)
            if loaded is None:
                raise SessionGone
            self.update_loaded(key, loaded, changed, removed, ttl)

    @within_deadline
    def update_loaded(
        self, key: str, loaded: Record, changed: Fields, removed: Collection[str], ttl: float
    ) -> None:
        other = self._replaced(key, loaded, changed, removed, ttl)
        if other is not None:
            loaded = self._replace_in_turn(key, other, changed, removed, ttl)
        if loaded.owner is None:
            return
        now = self.clock()
        is_touch = not changed and not removed
        if is_touch or end_in(loaded.data) - now < RENEW_BELOW * ttl:
            self._renew_row_of(loaded.owner, key, loaded.created, now + ttl)

    @within_deadline
    def delete(self, key: str) -> bool:
        deleted, owner = self._delete_record(key)
        if owner is not None:
            self._remove_rows_of_ended(owner, [key])
        return deleted

    def sessions_of(self, owner: str) -> dict[str, Record]:
        name, living = hash_owner(owner), dict[str, Record]()
        rows = self._rows_of(name)
        for batch in _batches([*rows]):
            with one_deadline():  # each has its own, so that no list is too long
                living |= {key: record for key in batch if (record := self.load(key))}
                missing = {key: rows[key] for key in batch if key not in living}
                with suppress(StoreUnavailable):  # they name no living session: they may stay
                    self._remove_ended_rows(name, missing)
        return living

    @within_deadline
    def end_oldest(self, owner: str, key: str, limit: int) -> list[str]:
        name = hash_owner(owner)
        others = {other: end for other, end in self._rows_of(name).items() if other != key}
        if sum(end >= 0 for end in others.values()) >= limit:
            self._remove_ended_rows(name, others, limit)
        taken = self._with_list(name, lambda listed: self._take_oldest(listed, key, limit))
        keys, ended = [_str(other) for other in taken], list[str]()
        for batch in _batches(keys):
            ended += [other for other in batch if self._delete_record(other)[0] or other == key]
            self._remove_rows_of_ended(name, batch)
        return ended

    @within_deadline
    def eviction_risk(self) -> str | None:
        """One line if Redis may end sessions, or lose the lists of their owners, when it is full.

        `None` also where the server does not tell its policy.
        """
        policies = self._commands.ask_masters(unsafe_policies)
        if not policies:
            return None
        return (
            f"Redis: maxmemory-policy is {policies}, which may end sessions, or remove the lists "
            "by which their owners end them, when it is full. Set noeviction or volatile-ttl."
        )

    def probe_keys(self) -> list[str]:
        """New keys that nothing uses, one on each master: a store works if all of them work."""
        if self._cluster is None:
            return [secrets.token_hex(32)]
        masters, keys = len(self._cluster.get_primaries()), dict[str, str]()
        for _ in range(MAX_PROBES):
            key = secrets.token_hex(32)
            with suppress(RedisClusterException):  # no node has this slot
                keys.setdefault(self._cluster.get_node_from_key(self.prefix + key).name, key)
            if len(keys) == masters:
                break
        return list(keys.values())

    def location(self) -> str | None:
        address = describe_address(self.client)
        return address and f"{address}, keys {self.prefix}*"

    def at_rest(self, key: str) -> AtRest | None:
        record = self.load(key)
        if record is None:
            return None
        return AtRest(self.prefix + key, len(record.data), record.ttl, dict(record.fields))

    def _replace_in_turn(
        self, key: str, loaded: Record, changed: Fields, removed: Collection[str], ttl: float
    ) -> Record:
        """Write the record after another request did; returns what was there before.

        Of n threads that try at once one wins and the others try again, about n² / 2 times
        together: those of this process wait for each other instead.
        """
        turn = self._turns[os.getpid(), hash(key) % TURNS]
        if not turn.acquire(timeout=max(0.0, seconds_left())):
            raise StoreUnavailable("Redis: too many requests write one session")
        try:
            while (other := self._replaced(key, loaded, changed, removed, ttl)) is not None:
                loaded = other
        finally:
            turn.release()
        return loaded

    def _replaced(
        self, key: str, loaded: Record, changed: Fields, removed: Collection[str], ttl: float
    ) -> Record | None:
        """Write the record with the changes; or else the record that is there by now.

        Raises `SessionGone` if there is none.
        """
        record, now = self.prefix + key, self.clock()
        if end_in(loaded.data) <= now:
            raise SessionGone
        fields = merge(loaded.fields, changed, removed)
        data = pack(fields, now, ttl, loaded.owner, loaded.created)
        try:
            answer = self._replace(record, loaded.data[:HEAD_LENGTH], data, _milliseconds(ttl))
            if answer == 1:
                return None
            if answer:
                return unpack(answer, now)
        except ValueError as damage:
            logger.warning("session record %s is damaged: %s", key[:12], damage)
        raise SessionGone

    def _delete_record(self, key: str) -> tuple[bool, str | None]:
        """Whether there was a record, and the hash of its owner.

        If the answer is lost, and the second try finds nothing, then nobody knows.
        """
        record = self.prefix + key
        deleted, head, sent = self._delete(record, "first", again=("again",))
        if not deleted and sent == b"again":
            raise StoreUnavailable("Redis: the answer to a deletion was lost")
        return bool(deleted), owner_in(head)

    def _renew_row_of(self, owner: str, key: str, created: float, end: float) -> None:
        """Write the row of a session again that lives until `end`: its list may be evicted."""
        seconds = self._list_seconds()
        row = (key, repr(max(end, created + seconds)), repr(end), seconds)
        with suppress(StoreUnavailable):  # the update is done, and the next one renews the row too
            self._with_list(owner, lambda listed: self._renew_row(listed, *row))

    @within_deadline
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
            if len(ended) == MAX_BATCH:
                self._remove_rows(owner, ended)
                ended = []
        if ended:
            self._remove_rows(owner, ended)

    def _has_ended(self, key: str) -> bool:
        """Whether the record is gone or over; a damaged one is neither."""
        record = self.prefix + key
        try:
            head = self._commands.run(record, ("GETRANGE", record, 0, HEAD_LENGTH - 1))
            return not head or end_in(head) <= self.clock()
        except ValueError:
            return False

    def _remove_rows_of_ended(self, owner: str, keys: list[str]) -> None:
        try:
            self._remove_rows(owner, keys)
        except StoreUnavailable as failure:
            # It is logged, and they name no living session: they may stay. But a user who may not
            # remove any has to be told by the check.
            if isinstance(failure.__cause__, ResponseError):
                raise

    def _remove_rows(self, owner: str, keys: list[str]) -> None:
        self._with_list(owner, lambda listed: self._commands.run(listed, ("ZREM", listed, *keys)))

    def _list_seconds(self) -> int:
        return max(1, int(self.max_session_seconds))

    def _with_list(self, owner: str, ask: Callable[[str], Any]) -> Any:
        """Call `ask` with the key of the owner's list; first remove a key of another type."""
        listed = f"{self.prefix}of:{owner}"
        try:
            return ask(listed)
        except ValueError as damage:
            logger.warning("an owner's list is damaged: %s", damage)
            self._commands.run(listed, ("DEL", listed))
            return ask(listed)


def install(app: Flask, clock: Clock) -> StoreInterface:
    """Keep sessions in the Redis of `REDIS_URL` or of the client `SESSION_REDIS`.

    Raises `ConfigurationError`.
    """
    client = client_of(app, connect)
    check_reads(client)
    store = RedisStore(client, key_prefix(app), clock, longest_seconds(app))
    return StoreInterface(app, store, clock)


def _batches(keys: list[str]) -> list[list[str]]:
    return [keys[first : first + MAX_BATCH] for first in range(0, len(keys), MAX_BATCH)]


def _milliseconds(ttl: float) -> int:
    return max(1, round(ttl * 1000))


def _str(text: bytes) -> str:
    # A key that is not text names no session, and must not hide the user's others.
    return text.decode("ascii", "replace")
