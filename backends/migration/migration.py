"""Offers tokens that are none of ours to the interface that an application had before."""

import hmac
import logging
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, NamedTuple, Protocol

from flask import Flask, Request
from itsdangerous import BadData
from itsdangerous.encoding import base64_decode, base64_encode
from werkzeug.exceptions import RequestEntityTooLarge

from backends.audit_log import log_event
from backends.loaded_session import NOBODY, PERMANENT_KEY, LoadedSession, field_name
from backends.migration.old_sessions import OldSessions, find_old_sessions
from backends.serializer import FieldSerializer
from backends.settings import ConfigurationError, idle_seconds
from backends.signals import send, session_moved, token_refused
from backends.store import Clock, Fields, SessionGone, key_of

logger = logging.getLogger(__name__)

DAY_LENGTH = len("2027-01-31")


class Adopted(NamedTuple):
    """A session that was begun with the data of an old one."""

    loaded: LoadedSession
    is_first: bool
    """Whether no other request has begun it before."""
    ends_old: bool
    """Whether the old one can be deleted: other requests with its token find this one."""


class Adopter(Protocol):
    """An interface into whose backend sessions are moved."""

    clock: Clock
    serializer: FieldSerializer

    def join_moved(self, app: Flask, mark: str, session_ids: list[str]) -> LoadedSession | None:
        """The session that was moved before, under one of the ids; `None` if nobody did.

        Raises `SessionGone` if its old token opens nothing any more.
        """

    def adopt(
        self, app: Flask, request: Request, mark: str, session_id: str, fields: Fields
    ) -> Adopted:
        """Begin a session with these fields, unless another request does.

        Raises `SessionGone` as `join_moved`, and `RequestEntityTooLarge`.
        """


class Migration:
    """A move of sessions that ends at a date."""

    def __init__(self, old: OldSessions, until: datetime) -> None:
        self.old = old
        self.until = until
        self.moved = 0
        """How many sessions this process has moved."""

    def mark_seconds(self, app: Flask, now: float) -> float:
        """How long a mark is kept: until the end, or until a cookie of Flask's is too old.

        The latter counts if somebody puts the end off.
        """
        return max(self.until.timestamp() - now, idle_seconds(app))

    def move_first(
        self,
        to: Adopter,
        app: Flask,
        request: Request,
        tokens: Sequence[str],
        salt: str,
        key: bytes,
    ) -> LoadedSession | None:
        """The session of the first token that the old interface knows, moved."""
        if to.clock() >= self.until.timestamp():
            return None
        for token in filter(partial(self.old.can_have_issued, app), tokens):
            known = token if self.old.has_unique_tokens else _write_plainly(token)
            mark = key_of(f"moved {salt} {known}")
            ids = [_derive_id(key, f"{salt} {about}") for about in self._names(request, known)]
            try:
                loaded = to.join_moved(app, mark, ids)
                loaded = loaded or self._move(to, app, request, token, mark, ids)
            except SessionGone:
                log_event(app, "old token refused", ids[0], source=self.old.source)
                send(token_refused, app, reason="moved")
                continue
            if loaded is not None:
                return loaded._replace(mark=mark)
        return None

    def _names(self, request: Request, token: str) -> list[str]:
        """What the id of a moved session may follow from: the second for visitors.

        Flask's cookie has no id. Whoever got the same values in the same second has the same
        cookie: they must not share a session, and be logged in with each other's login.
        """
        if self.old.has_unique_tokens:
            return [token]
        return [token, f"{token} {request.remote_addr} {request.headers.get('User-Agent')}"]

    def _move(
        self, to: Adopter, app: Flask, request: Request, token: str, mark: str, ids: list[str]
    ) -> LoadedSession | None:
        old = self.old.find(app, request, token)
        if old is None:
            # Another request may have moved it, and deleted its record, since the mark was read.
            return to.join_moved(app, mark, ids)
        fields = self._encode(to.serializer, old.values)
        session_id = ids[0 if _has_owner(app, fields) else -1]
        while fields.keys() - {PERMANENT_KEY}:
            try:
                adopted = to.adopt(app, request, mark, session_id, fields)
            except RequestEntityTooLarge:
                largest = max(fields.keys() - {PERMANENT_KEY}, key=lambda name: len(fields[name]))
                self._warn(largest, "the session would be too large")
                del fields[largest]
                continue
            if adopted.ends_old:
                old.delete()
            if adopted.is_first:
                self._count(app, session_id)
            return adopted.loaded
        return None

    def _count(self, app: Flask, session_id: str) -> None:
        self.moved += 1
        log_event(app, "session moved", session_id, source=self.old.source, count=self.moved)
        send(session_moved, app, source=self.old.source)

    def _encode(self, serializer: FieldSerializer, values: dict[str, Any]) -> dict[str, str]:
        """The fields of all values that the serializer can hold; the others are logged."""
        fields = dict[str, str]()
        for key, value in values.items():
            try:
                fields[field_name(key)] = serializer.encode(value)
            except TypeError as error:
                self._warn(key, str(error))
        return fields

    def _warn(self, key: object, why: str) -> None:
        logger.warning(
            "SESSION_MIGRATE_FROM=%s: session[%r] is not moved: %s", self.old.source, key, why
        )


def migration_of(app: Flask, clock: Clock) -> Migration | None:
    """The move that the application asks for; `None` if it asks for none, or its end has come.

    Raises `ConfigurationError`.
    """
    source, end = app.config.get("SESSION_MIGRATE_FROM"), app.config.get("SESSION_MIGRATE_UNTIL")
    if not source:
        return None
    until = _parse_end(end)
    if until.timestamp() <= clock():
        logger.warning(
            "SESSION_MIGRATE_UNTIL=%s is over: nobody is moved any more. Remove both settings.", end
        )
        return None
    old = find_old_sessions(app, source)
    if not old.has_unique_tokens and not app.config.get("SESSION_OWNER"):
        logger.warning(
            "SESSION_MIGRATE_FROM=%s: name the key of the user as SESSION_OWNER. Visitors who got "
            "the same values in the same second, at one address, share a session until a login.",
            old.source,
        )
    return Migration(old, until)


def _parse_end(end: Any) -> datetime:
    """The moment of a datetime, or the end of a day, in UTC unless it says otherwise."""
    try:
        given = _parse_text(end.strip()) if isinstance(end, str) else end
    except ValueError:
        given = None
    if isinstance(given, datetime):
        return given if given.tzinfo else given.replace(tzinfo=UTC)
    if isinstance(given, date) and given < date.max:
        return datetime.combine(given + timedelta(days=1), time(), UTC)
    raise ConfigurationError(
        f"SESSION_MIGRATE_UNTIL={end!r}: name the day on which the last visitor will have come, as "
        "in 2027-01-31. Until then SESSION_MIGRATE_FROM lets old sessions in."
    )


def _parse_text(text: str) -> date:
    return date.fromisoformat(text) if len(text) <= DAY_LENGTH else datetime.fromisoformat(text)


def _has_owner(app: Flask, fields: Fields) -> bool:
    """Whether somebody is logged in, as far as `SESSION_OWNER` tells."""
    name = app.config.get("SESSION_OWNER")
    return name is not None and fields.get(field_name(name)) not in NOBODY


def _write_plainly(token: str) -> str:
    """A signed token in the one form that itsdangerous writes.

    It reads a signature in many: Base64 has several letters for the last bits, and what is no
    letter is skipped. In another form the token of a session that ended would open it again.
    """
    signed, dot, signature = token.rpartition(".")
    try:
        return f"{signed}{dot}{base64_encode(base64_decode(signature.encode())).decode()}"
    except BadData:
        return token


def _derive_id(key: bytes, about: str) -> str:
    """An id that only this application can make of an old token (HMAC-SHA-256, RFC 2104)."""
    digest = hmac.digest(key, f"moved session {about}".encode(), "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
