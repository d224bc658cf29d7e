"""Sessions in a store: a signed id in the cookie, and lists of users' sessions."""

from collections.abc import Collection
from contextlib import suppress
from typing import Any, NamedTuple

from flask import Flask, Request, Response
from flask.sessions import SessionMixin
from itsdangerous import BadData

from backends.audit_log import log_event, name_of_key
from backends.http.cookies import PERMANENT
from backends.http.refusal import SessionTooLarge
from backends.interface import BackendInterface
from backends.loaded_session import (
    NOBODY,
    PERMANENT_KEY,
    Changes,
    LoadedSession,
    Succession,
    is_permanent,
    is_session_field,
)
from backends.migration.handover import Handover, Move
from backends.migration.migration import Adopted
from backends.probe import Probe
from backends.record import (
    ADDRESS,
    AGENT,
    CREATED,
    MAX_UTF8_BYTES,
    TextFields,
    add_fields,
    created_in,
    join_fields,
    size_of,
)
from backends.session import Session
from backends.settings import id_bytes, key_prefix
from backends.signals import report_failure, send, session_ended
from backends.store import (
    AtRest,
    Clock,
    Fields,
    ListsSessions,
    Record,
    SessionGone,
    ShowsRecords,
    Store,
    StoreUnavailable,
    UpdatesLoaded,
    key_of,
    wall_clock,
)
from backends.timing.deadline import within_deadline
from backends.tokens.signing import TokenSigner

MAX_AGENT_CHARACTERS = 200
"""A longer User-Agent is cut."""

HANDLE_LENGTH = 16
"""Characters of the key in a handle: 64 bits, among the sessions of one owner."""

NO_TEXT = "\0"
"""Begins the name of an owner that is no text, so that 42 and "42" are two."""


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

    def __init__(self, app: Flask, store: Store, clock: Clock = wall_clock) -> None:
        super().__init__(app, clock)
        self.id_bytes = id_bytes(app)
        self.key_prefix = key_prefix(app)
        self.store = store
        self._updates_loaded = store if isinstance(store, UpdatesLoaded) else None
        if self._updates_loaded is not None:
            self.make_fields = join_fields
        self._handover = Handover(store, clock)
        self.probe = Probe(store)
        """Whether logins work now."""

    def sessions_of(self, owner: Any) -> list[OwnedSession]:
        """The owner's living sessions, the newest first.

        `owner` is what the session holds under `SESSION_OWNER`: any value that it can hold.
        """
        with self._reporting("list"):
            records = self._records_of(owner)
        # Without a beginning it is no session, but one that is being moved.
        owned = [_describe(key, record) for key, record in records.items() if created_in(record)]
        return sorted(owned, key=lambda session: session.created, reverse=True)

    def handle_of(self, session: SessionMixin) -> str | None:
        """The handle of this session; `None` for a new one, and for Flask's without a key."""
        key = _stored_key(session)
        return None if key is None else _handle(key)

    def revoke(self, owner: Any, handles: Collection[str]) -> int:
        """End those of the owner's sessions. Returns how many ended."""
        ended = list[str]()
        with self._reporting("revoke"):
            keys = [key for key in self._records_of(owner) if _handle(key) in handles]
            try:
                ended.extend(filter(self.store.delete, keys))
            finally:
                self._tell_revoked(ended, owner, "revoked")
        return len(ended)

    def at_rest(self, session: SessionMixin) -> AtRest | None:
        """The session's record as the store holds it; `None` if the store cannot show it."""
        key = _stored_key(session)
        if key is None or not isinstance(self.store, ShowsRecords):
            return None
        return self.store.at_rest(key)

    def _load(self, app: Flask, token: str) -> LoadedSession | None:
        session_id = self._unsign(app, token)
        record = self.store.load(key_of(session_id))
        created = 0.0 if record is None else record.created or created_in(record)
        if record is None or not created:
            self._log_ended_token(app, session_id)
            return None
        fields, seen = record.fields, record.seen
        permanent = is_permanent(fields)
        ttl = min(record.ttl, self.remaining(app, created, permanent, seen))
        loaded = LoadedSession(session_id, token, created, seen, ttl, fields, permanent, record)
        return self._unless_ended(app, loaded)

    # All that a step asks of the store ends together; a cookie asks nobody.
    _load_any = within_deadline(BackendInterface._load_any)
    _save_used = within_deadline(BackendInterface._save_used)

    def _is_empty(self, session: Session) -> bool:
        """Whether nothing is in it but that it is permanent, which begins no session."""
        values = session._used()
        if len(values) > 1 or (values and PERMANENT_KEY not in values):
            return False
        return session._all().keys() <= {PERMANENT_KEY}

    def _save_empty(self, app: Flask, session: Session, response: Response) -> None:
        if session and not self._followed(app, session):
            return  # a visitor whom `before_request` made permanent
        super()._save_empty(app, session, response)

    def _followed(self, app: Flask, session: Session) -> list[LoadedSession]:
        if not session._is_unread:
            return super()._followed(app, session)
        # The signature says whose record it is: one that was not read can be deleted.
        request = session._request
        sent = self._tokens(app, request)
        tokens = (token.removesuffix(PERMANENT) for token in sent)
        ids = {token: self._verified_id(app, request, token) for token in tokens}
        found = [LoadedSession(known, token, 0, 0, 0, {}) for token, known in ids.items() if known]
        if not found and self.migration is not None:
            return super()._followed(app, session)  # the old interface knows whose it is
        return found

    def _verified_id(self, app: Flask, request: Request, token: str) -> str | None:
        try:
            return self._unsign(app, token)
        except (BadData, UnicodeError):
            self._log_forgery(app, request)
            return None

    def _unsign(self, app: Flask, token: str) -> str:
        """The id in a token. Raises `BadData` or `UnicodeError`."""
        return self._signer(app).unsign(token.encode()).decode()

    def join_moved(self, app: Flask, mark: str, session_ids: list[str]) -> LoadedSession | None:
        """The session that a mark in the store speaks of."""
        for session_id in session_ids:
            found = self._handover.join(mark, key_of(session_id))
            if found is Move.UNKNOWN:
                return None
            if found.is_open:
                return self._load_moved(app, session_id, found)
        raise SessionGone

    def adopt(
        self, app: Flask, request: Request, mark: str, session_id: str, fields: Fields
    ) -> Adopted:
        """Create the record, which of several requests only one does."""
        assert self.migration is not None
        self._check_size(fields)
        key, now = key_of(session_id), self.clock()
        owner = self._owner_of(fields)
        name = None if owner is None else self._name_owner(owner)
        keeps = owner is not None and self._settings.keeps_visitor
        visitor = _visitor(request) if keeps else {}
        ttl = self.remaining(app, now, is_permanent(fields))
        keep = self.migration.mark_seconds(app, now)
        found = self._handover.move(mark, key, {**visitor, **fields}, ttl, name, keep)
        if found is Move.MOVED and owner is not None:
            self._limit_sessions(app, owner, key)
        loaded, is_first = self._load_moved(app, session_id, found), found is Move.MOVED
        return Adopted(loaded, is_first, ends_old=is_first)

    def _load_moved(self, app: Flask, session_id: str, found: Move) -> LoadedSession:
        loaded = self._load(app, self._token(app, session_id)) if found.is_open else None
        if loaded is None:
            raise SessionGone
        return loaded

    def _note_sent(self, app: Flask, mark: str) -> None:
        assert self.migration is not None
        with suppress(StoreUnavailable):  # the old token opens the same session a little longer
            self._handover.note_sent(mark, self.migration.mark_seconds(app, self.clock()))

    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        session_id = session._id
        key, owner = key_of(session_id), self._owner_of(fields)
        self._check_size(fields)
        keeps = owner is not None and self._settings.keeps_visitor
        visitor = _visitor(session._request) if keeps else {}
        ttl = self.remaining(app, created, session.permanent)
        name = None if owner is None else self._name_owner(owner)
        # Our own fields come last: to copy a dict costs a fifth of building one.
        own = {**visitor, CREATED: repr(created)}
        self.store.create(key, add_fields(fields, own), ttl, name)
        try:
            self._end_followed(app, session)
            if owner is not None and session._succession is not Succession.NEW_ID:
                # A rotation adds none: of two at one moment each would count the other's twice.
                self._limit_sessions(app, owner, key)
        except BaseException:
            with suppress(StoreUnavailable):
                self.store.delete(key)  # nobody gets its token
            raise
        return self._token(app, session_id)

    def _end_followed(self, app: Flask, session: Session) -> None:
        """End what the new session follows. Raises `SessionGone` if another request has."""
        if session._loaded_session is None and not session._is_unread:
            return  # it follows none
        ended = [self.store.delete(key_of(old.id)) for old in self._followed(app, session)]
        if session._succession < Succession.CLEARED and not all(ended):
            raise SessionGone
        if any(ended) and session._succession > Succession.NEW_ID:
            send(session_ended, app, reason="login")

    def _update(self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes) -> str:
        if self._may_be_too_large(loaded, changes):
            fields = changes.applied_to(loaded.fields).items()
            self._check_size({name: text for name, text in fields if is_session_field(name)})
        key, ttl = key_of(loaded.id), self.remaining(app, loaded.created, loaded.permanent)
        if self._updates_loaded is not None and loaded.record is not None:
            self._updates_loaded.update_loaded(key, loaded.record, *changes, ttl)
        elif any(changes):
            self.store.update(key, *changes, ttl)
        else:
            self.store.touch(key, ttl)
        if len(self._settings.keys) == 1:
            return loaded.token  # it would be the same
        # Signed with the newest key, so that active sessions stop needing the fallback keys.
        return self._token(app, loaded.id)

    def _delete(self, app: Flask, loaded: LoadedSession) -> None:
        if not self.store.delete(key_of(loaded.id)):
            self._log_ended_token(app, loaded.id)
            return
        log_event(app, "session ended", loaded.id)
        send(session_ended, app, reason="logout")

    def _token(self, app: Flask, session_id: str) -> str:
        return self._signer(app).sign(session_id.encode()).decode()

    def _signer(self, app: Flask) -> TokenSigner:
        name, signers = self.get_cookie_name(app), self._settings.signers
        signer: TokenSigner | None = signers.get(name)
        if signer is None:
            signer = TokenSigner(self._settings.keys, self._salt(app).encode())
            signers[name] = signer
        return signer

    def _salt(self, app: Flask) -> str:
        # The prefix separates applications also in a store that has no prefixes.
        return f"{super()._salt(app)} {self.key_prefix}"

    def _may_be_too_large(self, loaded: LoadedSession, changes: Changes) -> bool:
        """Whether the size must be counted: a bound is enough for most sessions."""
        was = len(loaded.record.data) if loaded.record else 0
        more = len("".join([*changes.changed, *changes.changed.values()]))
        longest = was + more * MAX_UTF8_BYTES
        return bool(changes.changed) and (was == 0 or longest > self._settings.max_bytes)

    def _check_size(self, fields: Fields) -> None:
        """Raises `SessionTooLarge` before anything is written."""
        limit = self._settings.max_bytes
        if type(fields) is TextFields and len(fields.text) * MAX_UTF8_BYTES <= limit:
            return
        size = size_of(fields)
        if size > limit:
            raise SessionTooLarge(
                f"This session would take {size} bytes, and SESSION_MAX_BYTES allows {limit}. "
                "Nothing was changed: remove something and try again."
            )

    def _owner_of(self, fields: Fields) -> Any:
        """Whose session it is; `None` for nobody's."""
        field = self._settings.owner_field
        text = fields.get(field) if field else None
        return None if text is None or text in NOBODY else self.serializer.decode(text)

    def _name_owner(self, owner: Any) -> str:
        """The owner's name in the store: text is its own, any other value is named by its JSON.

        Another application in the same store may have another owner of that name.
        """
        is_text = isinstance(owner, str) and not owner.startswith(NO_TEXT)
        name = owner if is_text else NO_TEXT + self.serializer.encode(owner)
        return f"{self._settings.name} {self.key_prefix} {name}"

    def _records_of(self, owner: Any) -> dict[str, Record]:
        if not isinstance(self.store, ListsSessions):
            return {}
        self._look_at_settings(self._living_app())
        if type(owner) is not str:  # as it is in a session: an enumeration or a `Decimal` is text
            owner = self.serializer.decode(self.serializer.encode(owner))
        return self.store.sessions_of(self._name_owner(owner))

    def _tell_revoked(self, keys: Collection[str], owner: Any, reason: str) -> None:
        """Tell of all that ended: who raises at one of them keeps no other from ending."""
        app = self._living_app()
        for key in keys:
            log_event(app, "session revoked", session=name_of_key(app, key), owner=owner)
        for _ in keys:
            send(session_ended, app, reason=reason)

    def _reporting(self, step: str) -> report_failure:
        return report_failure(self._living_app(), step)

    def _living_app(self) -> Flask:
        app = self._app()
        assert app is not None
        return app

    def _limit_sessions(self, app: Flask, owner: Any, begun: str) -> None:
        """End what is over the owner's limit. Raises `SessionGone` if the new session is."""
        limit = self._settings.max_sessions
        if limit is None or not isinstance(self.store, ListsSessions):
            return
        ended = self.store.end_oldest(self._name_owner(owner), begun, limit)
        self._tell_revoked(ended, owner, "limit")
        if begun in ended:
            raise SessionGone


def _describe(key: str, record: Record) -> OwnedSession:
    fields = record.fields
    agent, address = fields.get(AGENT, ""), fields.get(ADDRESS, "")
    return OwnedSession(_handle(key), agent, address, created_in(record), record.seen)


def _stored_key(session: SessionMixin) -> str | None:
    """The key of a session that is stored; `None` for a new one, and for Flask's null session."""
    loaded = session._loaded if isinstance(session, Session) else None
    return None if loaded is None else key_of(loaded.id)


def _handle(key: str) -> str:
    return key[:HANDLE_LENGTH]


def _visitor(request: Request) -> Fields:
    """The browser and the address by which an owner recognises a session."""
    agent = request.headers.get("User-Agent", "")[:MAX_AGENT_CHARACTERS]
    return {AGENT: agent, ADDRESS: request.remote_addr or ""}
