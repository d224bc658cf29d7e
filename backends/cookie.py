"""Sessions in a signed cookie, in the format of Flask's own.

The browser holds the whole session, readable and signed. What Flask's own lacks is added as far as
a signature can: a random id, both limits, keys for one application only, and a clear refusal where
a browser would silently drop the cookie. The server cannot end such a session.
"""

import json

from flask import Flask, Request
from itsdangerous import BadData

from backends.audit_log import log_event
from backends.interface import PERMANENT, BackendInterface, SessionTooLarge
from backends.loaded_session import Changes, LoadedSession
from backends.migration.migration import Adopted
from backends.record import CREATED, ID
from backends.session import PERMANENT_KEY, Session
from backends.signals import send, session_ended
from backends.store import Fields
from backends.tokens.cookie_format import MAX_COOKIE_BYTES, SessionSerializer


class CookieInterface(BackendInterface):
    """Sessions in a cookie of Flask's format, signed with HMAC-SHA-256."""

    def get_signing_serializer(self, app: Flask) -> SessionSerializer | None:
        """Reads and makes this application's tokens; `None` without a secret key."""
        if not app.secret_key:
            return None
        self._look_at_settings(app)
        return self._own_serializer(app)

    def _serializer(self, app: Flask) -> SessionSerializer:
        if type(self).get_signing_serializer is CookieInterface.get_signing_serializer:
            return self._own_serializer(app)  # the settings have been looked at
        serializer = self.get_signing_serializer(app)
        assert serializer is not None
        return serializer

    def _own_serializer(self, app: Flask) -> SessionSerializer:
        name, settings = self.get_cookie_name(app), self._settings
        if name not in settings.signers:
            made = SessionSerializer(settings.keys, self._salt(app), self.clock)
            settings.signers[name] = made
        serializer: SessionSerializer = settings.signers[name]
        return serializer

    def _load(self, app: Flask, token: str) -> LoadedSession | None:
        try:
            fields, seen = self._serializer(app).loads(token)
            session_id, created = fields.pop(ID), float(fields.pop(CREATED))
        except (KeyError, ValueError) as error:
            raise BadData("it is signed, and no session") from error
        permanent = fields.get(PERMANENT_KEY) == "true"
        ttl = self.remaining(app, created, permanent, seen)
        loaded = LoadedSession(session_id, token, created, ttl, fields, permanent)
        return self._unless_ended(app, loaded, seen)

    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        token = self._token(app, session._id, created, fields)
        self._log_begin(app, session, session._id)
        return token

    def _update(self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes) -> str:
        return self._token(app, loaded.id, loaded.created, changes.applied_to(loaded.fields))

    def _touch(self, app: Flask, loaded: LoadedSession) -> str:
        return self._token(app, loaded.id, loaded.created, loaded.fields)

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
