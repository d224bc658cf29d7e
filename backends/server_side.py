"""Sessions in a store: a signed id in the cookie, and lists of users' sessions."""

import time
from collections.abc import Collection
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from flask import Flask, current_app, request
from itsdangerous import BadSignature, Signer

from backends.audit_log import log_event, name_of_key
from backends.interface import BackendInterface
from backends.record import ADDRESS, AGENT, CREATED
from backends.session import Changes, LoadedSession, Session, Succession
from backends.settings import key_prefix, max_sessions, owner_key, signing_keys, token_salt
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

DEFAULT_ID_BYTES = 32
"""Random bytes of an id, as in Flask-Session."""

MAX_AGENT_CHARACTERS = 200
"""A longer User-Agent is cut."""

HANDLE_LENGTH = 16
"""Characters of the key in a handle: 64 bits, among the sessions of one owner."""


class OwnedSession(NamedTuple):
    """One living session, as its owner may see it."""

    handle: str
    """Names the session to its owner. The token cannot be derived from it."""
    agent: str
    address: str
    created: float
    """Seconds since the epoch, as in `seen`."""
    seen: float
    """The last use, to within a tenth of the idle limit."""


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

    def sessions_of(self, owner: str) -> list[OwnedSession]:
        """The owner's living sessions, the newest first."""
        owned = (_describe(key, record) for key, record in self._records_of(owner).items())
        return sorted(owned, key=lambda session: session.created, reverse=True)

    def handle_of(self, session: Session) -> str | None:
        """The handle of this session; `None` for a new one."""
        return _handle(key_of(session.loaded.id)) if session.loaded else None

    def revoke(self, owner: str, handles: Collection[str]) -> int:
        """End those of the owner's sessions. Returns how many ended."""
        keys = [key for key in self._records_of(owner) if _handle(key) in handles]
        return sum(self._revoke(owner, key) for key in keys)

    def at_rest(self, session: Session) -> AtRest | None:
        """The session's record as the store holds it; `None` if the store cannot show it."""
        if session.loaded is None or not isinstance(self.store, ShowsRecords):
            return None
        return self.store.at_rest(key_of(session.loaded.id))

    def _load(self, app: Flask, token: str) -> LoadedSession | None:
        try:
            session_id = self._signer(app).unsign(token).decode()
        except (BadSignature, UnicodeError):
            self._log_forgery(app)
            return None
        record = self.store.load(key_of(session_id))
        if record is None or CREATED not in record.fields:
            log_event(app, "token of an ended session", session_id)
            return None
        own = (CREATED, AGENT, ADDRESS)
        fields = {name: text for name, text in record.fields.items() if name not in own}
        created = float(record.fields[CREATED])
        ttl = min(record.ttl, self.remaining(app, created))
        return self._unless_ended(app, LoadedSession(session_id, token, created, ttl, fields))

    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        session_id = session.sid
        key, owner = key_of(session_id), _owner(app, session)
        own_fields = {CREATED: repr(created)} | (_visitor() if owner else {})
        self.store.create(key, {**own_fields, **fields}, self.remaining(app, created), owner)
        if session.loaded is not None:
            was_there = self.store.delete(key_of(session.loaded.id))
            if session.succession < Succession.CLEARED and not was_there:
                self.store.delete(key)
                raise SessionGone
        limit = max_sessions(app)
        if owner is not None and limit is not None:
            self._end_oldest(owner, limit, _handle(key))
        self._log_begin(app, session, session_id)
        return self._token(app, session_id)

    def _update(self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes) -> str:
        ttl = self.remaining(app, loaded.created)
        self.store.update(key_of(loaded.id), changes.changed, changes.removed, ttl)
        return self._token(app, loaded.id)

    def _touch(self, app: Flask, loaded: LoadedSession) -> str:
        self.store.touch(key_of(loaded.id), self.remaining(app, loaded.created))
        return self._token(app, loaded.id)

    def _delete(self, app: Flask, loaded: LoadedSession) -> None:
        self.store.delete(key_of(loaded.id))
        log_event(app, "session ended", loaded.id)

    def _token(self, app: Flask, session_id: str) -> str:
        # Signed with the newest key, so that active sessions stop needing the fallback keys.
        return self._signer(app).sign(session_id).decode()

    def _signer(self, app: Flask) -> Signer:
        # The prefix separates applications also in a store that has no prefixes.
        salt = f"{token_salt(app, self.get_cookie_name(app))} {self.key_prefix}"
        return _make_signer(signing_keys(app), salt)

    def _records_of(self, owner: str) -> dict[str, Record]:
        return self.store.sessions_of(owner) if isinstance(self.store, ListsSessions) else {}

    def _revoke(self, owner: str, key: str) -> bool:
        if not self.store.delete(key):
            return False
        name = name_of_key(current_app, key)
        log_event(current_app, "session revoked", session=name, owner=owner)
        return True

    def _end_oldest(self, owner: str, limit: int, begun: str) -> None:
        # Servers' clocks differ, so the session that begins now is not always listed as the newest.
        others = [owned.handle for owned in self.sessions_of(owner) if owned.handle != begun]
        self.revoke(owner, others[max(0, limit - 1) :])


def _describe(key: str, record: Record) -> OwnedSession:
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
    """The browser and the address by which an owner recognises a session."""
    agent = request.headers.get("User-Agent", "")[:MAX_AGENT_CHARACTERS]
    return {AGENT: agent, ADDRESS: request.remote_addr or ""}


@lru_cache(maxsize=64)
def _make_signer(keys: tuple[bytes, ...], salt: str) -> Signer:
    return Signer(keys, salt=salt, key_derivation="hmac", digest_method=sha256)
