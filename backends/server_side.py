"""Sessions in a store: the cookie holds a signed id, and an owner's sessions can be listed."""

import time
from collections.abc import Collection
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from flask import Flask, current_app, request
from itsdangerous import BadSignature, Signer

from backends.audit_log import name_of_key, report
from backends.interface import BackendInterface
from backends.record import ADDRESS, AGENT, CREATED
from backends.session import Saved, Session, Succession
from backends.settings import key_prefix, most_sessions, owner_key, signing_keys, token_salt
from backends.store import (
    AtRest,
    Clock,
    Fields,
    ListsSessions,
    Record,
    SessionGone,
    ShowsRecords,
    Store,
    key_of,
)

LONGEST_AGENT = 200
"""Characters of a User-Agent that are kept."""

DEFAULT_ID_BYTES = 32
"""Random bytes of an id, as in Flask-Session."""

HANDLE_LENGTH = 16
"""Characters of the key that name a session towards its owner: 64 bits, among his own sessions."""


class OwnedSession(NamedTuple):
    """One living session of an owner, as he may see it."""

    handle: str
    """Names the session towards its owner. Not the token, and no way to it."""
    agent: str
    address: str
    created: float
    seen: float
    """When it was last used, to within a tenth of its idle limit; like `created`, since the
    epoch."""


class StoreInterface(BackendInterface):
    """Sessions in a `Store`; the cookie holds a signed id and nothing else.

    `SESSION_ID_LENGTH`, `SESSION_KEY_PREFIX`, `SESSION_PERMANENT` and `regenerate()` work as in
    Flask-Session. The id is always signed, the values are always tagged JSON.
    """

    def __init__(self, app: Flask, store: Store, clock: Clock = time.time) -> None:
        super().__init__(app, clock)
        self.id_bytes = app.config.get("SESSION_ID_LENGTH", DEFAULT_ID_BYTES)
        self.key_prefix = key_prefix(app)
        self.store = store

    def _load(self, app: Flask, token: str) -> Saved | None:
        try:
            session_id = self._signer(app).unsign(token).decode()
        except (BadSignature, UnicodeError):
            self._report_forgery(app)
            return None
        record = self.store.load(key_of(session_id))
        if record is None or CREATED not in record.fields:
            self._report_ended(app, session_id)
            return None
        created = float(record.fields.pop(CREATED))
        for mark in (AGENT, ADDRESS):
            record.fields.pop(mark, None)
        ttl = min(record.ttl, self.remaining(app, created))
        return self._living(app, Saved(session_id, token, created, ttl, record.fields))

    def sessions_of(self, owner: str) -> list[OwnedSession]:
        """The owner's living sessions, the one begun last first."""
        return sorted(
            (_owned(key, record) for key, record in self._records_of(owner).items()),
            key=lambda owned: owned.created,
            reverse=True,
        )

    def handle_of(self, session: Session) -> str | None:
        """The handle of the session at hand; `None` for a new one."""
        return _handle(key_of(session.saved.id)) if session.saved else None

    def revoke(self, owner: str, handles: Collection[str]) -> int:
        """End those of the owner's sessions, and nobody else's. How many it ended."""
        keys = [key for key in self._records_of(owner) if _handle(key) in handles]
        return sum(self._revoke(owner, key) for key in keys)

    def _revoke(self, owner: str, key: str) -> bool:
        was_there = self.store.delete(key)
        if was_there:
            name = name_of_key(current_app, key)
            report(current_app, "session revoked", session=name, owner=owner)
        return was_there

    def _records_of(self, owner: str) -> dict[str, Record]:
        return self.store.sessions_of(owner) if isinstance(self.store, ListsSessions) else {}

    def _end_oldest(self, owner: str, most: int, begun: str) -> None:
        # Servers' clocks differ: the session that begins now is not always the youngest by them.
        others = [owned.handle for owned in self.sessions_of(owner) if owned.handle != begun]
        self.revoke(owner, others[max(0, most - 1) :])

    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        session_id = session.sid
        key, owner = key_of(session_id), _owner(app, session)
        marks = {CREATED: repr(created)} | (_visitor() if owner else {})
        self.store.create(key, {**marks, **fields}, self.remaining(app, created), owner)
        if session.saved is not None:
            followed = self.store.delete(key_of(session.saved.id))
            if session.succession < Succession.CLEARED and not followed:
                self.store.delete(key)
                raise SessionGone
        most = most_sessions(app)
        if owner is not None and most is not None:
            self._end_oldest(owner, most, _handle(key))
        self._report_begun(app, session, session_id)
        return self._token(app, session_id)

    def _update(
        self, app: Flask, session: Session, saved: Saved, changed: Fields, removed: set[str]
    ) -> str:
        ttl = self.remaining(app, saved.created)
        self.store.update(key_of(saved.id), changed, removed, ttl)
        return self._token(app, saved.id)

    def _touch(self, app: Flask, saved: Saved) -> str:
        self.store.touch(key_of(saved.id), self.remaining(app, saved.created))
        return self._token(app, saved.id)

    def _delete(self, app: Flask, saved: Saved) -> None:
        self.store.delete(key_of(saved.id))
        report(app, "session ended", saved.id)

    def _token(self, app: Flask, session_id: str) -> str:
        # By the newest key, so that whoever stays active needs the fallback keys no more.
        return self._signer(app).sign(session_id).decode()

    def _signer(self, app: Flask) -> Signer:
        # The prefix keeps applications apart in a store that has no prefixes, too.
        salt = f"{token_salt(app, self.get_cookie_name(app))} {self.key_prefix}"
        return _signer(signing_keys(app), salt)

    def at_rest(self, session: Session) -> AtRest | None:
        """What the store holds of this session, where the store can show it."""
        if session.saved is None or not isinstance(self.store, ShowsRecords):
            return None
        return self.store.at_rest(key_of(session.saved.id))


def _owned(key: str, record: Record) -> OwnedSession:
    fields = record.fields
    agent, address = fields.get(AGENT, ""), fields.get(ADDRESS, "")
    return OwnedSession(_handle(key), agent, address, float(fields[CREATED]), record.seen)


def _handle(key: str) -> str:
    return key[:HANDLE_LENGTH]


def _owner(app: Flask, session: Session) -> str | None:
    name = owner_key(app)
    owner = session.get(name) if name else None
    return owner if isinstance(owner, str) else None


def _visitor() -> Fields:
    """Where a session begins: what its owner will recognise it by."""
    agent = request.headers.get("User-Agent", "")[:LONGEST_AGENT]
    return {AGENT: agent, ADDRESS: request.remote_addr or ""}


@lru_cache(maxsize=64)
def _signer(keys: tuple[bytes, ...], salt: str) -> Signer:
    return Signer(keys, salt=salt, key_derivation="hmac", digest_method=sha256)
