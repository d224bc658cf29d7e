"""Creates a moved session once, and lets its old token open nothing afterwards.

Two records are written in a store that knows only single ones: the session, whose key follows from
the old token, and a mark that the token was used. The session is written first, not alive yet:
without `CREATED` no token opens it. Then the mark is, with the same random number, by whichever
request is first; then the session is brought to life, if the mark has its number. So a process may
be killed between any two steps, and a request that was held up cannot bring back what a logout has
ended: the mark has the number of the session that ended, not of the one it wrote.
"""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum

from backends.record import CREATED, created_in
from backends.store import Clock, Fields, Record, SessionGone, Store

NUMBER = "@moved"
"""The field with the random number of a move, in the session and in the mark."""

SENT = "@sent"
"""The field of a mark that says since when the browser has the new token."""

GRACE_SECONDS = 60
"""Requests that a browser sent with the old token are answered for so long after its new one."""


class Move(Enum):
    """What a request with an old token found."""

    UNKNOWN = "nobody has moved it"
    REFUSED = "it was moved, and opens nothing any more"
    JOINED = "another request has moved it"
    MOVED = "this request has moved it"

    @property
    def is_open(self) -> bool:
        """Whether the old token opens the session."""
        return self in (Move.JOINED, Move.MOVED)


class Handover:
    """The moved sessions in a store and their marks."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def join(self, mark_key: str, key: str) -> Move:
        """Whether the old token opens the session under `key`, which may have been moved."""
        mark = self._store.load(mark_key)
        if mark is None:
            return Move.UNKNOWN
        record = self._store.load(key)
        return self._start(mark, key, record) if record is not None else Move.REFUSED

    def move(
        self, mark_key: str, key: str, fields: Fields, ttl: float, owner: str | None, keep: float
    ) -> Move:
        """Create the session, unless another request does. The mark is kept for `keep` seconds."""
        number = secrets.token_urlsafe(12)
        try:
            self._store.create(key, {**fields, NUMBER: number}, ttl, owner)
        except KeyError:
            other = self._store.load(key)
            if other is None or NUMBER not in other.fields:
                return Move.REFUSED
            number, is_own = other.fields[NUMBER], False
        else:
            is_own = True
        with suppress(KeyError):  # another request's, which decides
            self._store.create(mark_key, {NUMBER: number}, keep)
        found = self.join(mark_key, key)
        if found.is_open:
            return Move.MOVED if is_own else Move.JOINED
        if is_own:
            self._store.delete(key)
        return Move.REFUSED

    def note_sent(self, mark_key: str, keep: float) -> None:
        """Let the grace begin: a browser has the new token now."""
        mark = self._store.load(mark_key)
        if mark is not None and SENT not in mark.fields:
            with suppress(SessionGone):
                self._store.update(mark_key, {SENT: repr(self._clock())}, (), keep)

    def _start(self, mark: Record, key: str, record: Record) -> Move:
        """Bring the session to life if it is the one that was marked, and nobody did before."""
        if _number(mark) != _number(record) or self._is_late(mark):
            return Move.REFUSED
        if not created_in(record):
            try:
                self._store.update(key, {CREATED: repr(self._clock())}, (), record.ttl)
            except SessionGone:
                return Move.REFUSED
        return Move.JOINED

    def _is_late(self, mark: Record) -> bool:
        sent = float(mark.fields.get(SENT, "inf"))
        return self._clock() - sent >= GRACE_SECONDS


def _number(record: Record) -> str | None:
    fields: Mapping[str, str] = record.fields
    return fields.get(NUMBER)
