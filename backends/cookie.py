"""Sessions in a cookie: the browser holds the whole session.

`SignedCookieInterface` has the format of Flask's own. What that lacks is added as far as a
signature can: a random id, both limits, keys for one application only, and a clear refusal where a
browser would silently drop the cookie. The server cannot end such a session.
"""

import json
from typing import Protocol

from flask import Flask, Request
from itsdangerous import BadData

from backends.audit_log import log_event
from backends.http.cookies import PERMANENT
from backends.http.refusal import SessionTooLarge
from backends.interface import BackendInterface
from backends.loaded_session import Changes, LoadedSession, is_permanent
from backends.migration.migration import Adopted
from backends.record import CREATED, ID
from backends.session import Session
from backends.signals import send, session_ended
from backends.store import Clock, Fields
from backends.tokens.cookie_format import MAX_COOKIE_BYTES, SessionSerializer


class TokenSerializer(Protocol):
    """Makes a cookie's text of the session's fields and the time, and reads it.

    A text of another salt is refused, and one that none of the keys has made; the last key makes.
    """

    def __init__(self, keys: tuple[bytes, ...], salt: str, clock: Clock) -> None: ...

    def dumps(self, fields: Fields, /) -> str: ...

    def loads(self, token: str, /) -> tuple[dict[str, str], float]:
        """The fields, and when the text was made.

        Raises `BadData` or `ValueError` for a text that was not made with a key of this one.
        """


class CookieInterface(BackendInterface):
    """Sessions whose token holds all that is in them."""

    serializer_type: type[TokenSerializer]
    """How its tokens are made."""

    def _serializer(self, app: Flask) -> TokenSerializer:
        """That of the settings, which the caller has looked at."""
        name, settings = self.get_cookie_name(app), self._settings
        if name not in settings.signers:
            salt = self._salt(app)
            settings.signers[name] = self.serializer_type(settings.keys, salt, self.clock)
        serializer: TokenSerializer = settings.signers[name]
        return serializer

    def _load(self, app: Flask, token: str) -> LoadedSession | None:
        try:
            fields, seen = self._serializer(app).loads(token)
            session_id, created = fields.pop(ID), float(fields.pop(CREATED))
        except (KeyError, ValueError) as error:
            raise BadData("a key of this application made it, and it is no session") from error
        permanent = is_permanent(fields)
        ttl = self.remaining(app, created, permanent, seen)
        loaded = LoadedSession(session_id, token, created, seen, ttl, fields, permanent)
        return self._unless_ended(app, loaded)

    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        return self._token(app, session._id, created, fields)

    def _update(self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes) -> str:
        return self._token(app, loaded.id, loaded.created, changes.applied_to(loaded.fields))

    def _delete(self, app: Flask, loaded: LoadedSession) -> None:
        """Only the browser's copy goes; the signed token stays valid until it expires."""
        log_event(app, "session ended", loaded.id)
        send(session_ended, app, reason="logout")

    def join_moved(self, app: Flask, mark: str, session_ids: list[str]) -> None:
        """Return `None`: without a store nobody can tell."""

    def adopt(
        self, app: Flask, request: Request, mark: str, session_id: str, fields: Fields
    ) -> Adopted:
        """Make a cookie of the fields.

        The old record stays: another request with the old token would find nothing.
        """
        loaded = self._load(app, self._token(app, session_id, self.clock(), fields))
        assert loaded is not None
        return Adopted(loaded, is_first=True, ends_old=False)

    def _token(self, app: Flask, session_id: str, created: float, fields: Fields) -> str:
        # Whole seconds, as in the signature: every byte counts here.
        own_fields = {ID: json.dumps(session_id), CREATED: str(int(created))}
        token = str(self._serializer(app).dumps({**own_fields, **fields}))
        size = len(self.get_cookie_name(app)) + len(token) + len(PERMANENT)
        if size > MAX_COOKIE_BYTES:
            raise SessionTooLarge(
                f"This session would take {size} bytes as a cookie, and a browser keeps at most "
                f"{MAX_COOKIE_BYTES} (RFC 6265bis). Nothing was changed: remove something and try "
                "again."
            )
        return token


class SignedCookieInterface(CookieInterface):
    """Sessions in a cookie of Flask's format, readable, signed with HMAC-SHA-256."""

    serializer_type = SessionSerializer

    def get_signing_serializer(self, app: Flask) -> SessionSerializer | None:
        """Reads and makes this application's tokens; `None` without a secret key."""
        if not app.secret_key:
            return None
        interface = self._of(app)
        interface._look_at_settings(app)
        serializer = CookieInterface._serializer(interface, app)
        assert isinstance(serializer, SessionSerializer)
        return serializer

    def _serializer(self, app: Flask) -> TokenSerializer:
        own = type(self).get_signing_serializer
        if own is SignedCookieInterface.get_signing_serializer:
            return super()._serializer(app)
        serializer = self.get_signing_serializer(app)
        assert serializer is not None
        return serializer
