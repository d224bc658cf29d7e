"""Sessions in a signed cookie, in the format of Flask's own.

The browser holds the whole session, readable and signed. What Flask's own lacks is added as far as
a signature can: a random id, both limits, keys for one application only, and a clear refusal where
a browser would silently drop the cookie. The server cannot end such a session.
"""

import json
import zlib
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from flask import Flask
from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode

from backends.audit_log import log_event
from backends.interface import PERMANENT, BackendInterface, SessionTooLarge
from backends.record import CREATED, ID
from backends.session import Changes, LoadedSession, Session
from backends.settings import idle_seconds, signing_keys, token_salt
from backends.store import Clock, Fields

MAX_COOKIE_BYTES = 4096
"""Name and value: browsers ignore a larger cookie (RFC 6265bis 5.7, step 4)."""


class CookieInterface(BackendInterface):
    """Sessions in a cookie of Flask's format, signed with HMAC-SHA-256."""

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Reads and makes this application's tokens; `None` without a secret key."""
        if not app.secret_key:
            return None
        salt = token_salt(app, self.get_cookie_name(app))
        return _serializer(signing_keys(app), salt, self.clock)

    def _load(self, app: Flask, token: str) -> LoadedSession | None:
        serializer = self.get_signing_serializer(app)
        assert serializer is not None
        try:
            fields, signed_at = serializer.loads(token, return_timestamp=True)
            session_id, created = fields.pop(ID), float(fields.pop(CREATED))
        except (BadData, KeyError, ValueError):
            self._log_forgery(app)
            return None
        unused_until = signed_at.timestamp() + idle_seconds(app)
        ttl = min(unused_until - self.clock(), self.remaining(app, created))
        return self._unless_ended(app, LoadedSession(session_id, token, created, ttl, fields))

    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        token = self._token(app, session.sid, created, fields)
        self._log_begin(app, session, session.sid)
        return token

    def _update(self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes) -> str:
        return self._token(app, loaded.id, loaded.created, session.fields())

    def _touch(self, app: Flask, loaded: LoadedSession) -> str:
        return self._token(app, loaded.id, loaded.created, loaded.fields)

    def _delete(self, app: Flask, loaded: LoadedSession) -> None:
        """Only the browser's copy goes; the signed token stays valid until it expires."""
        log_event(app, "session ended", loaded.id)

    def _token(self, app: Flask, session_id: str, created: float, fields: Fields) -> str:
        serializer = self.get_signing_serializer(app)
        assert serializer is not None
        # Whole seconds, as in the signature: every byte counts here.
        own_fields = {ID: json.dumps(session_id), CREATED: str(int(created))}
        token = str(serializer.dumps({**own_fields, **fields}))
        size = len(self.get_cookie_name(app)) + len(token) + len(PERMANENT)
        if size > MAX_COOKIE_BYTES:
            raise SessionTooLarge(
                f"This session would take {size} bytes as a cookie, and a browser keeps at most "
                f"{MAX_COOKIE_BYTES} (RFC 6265bis). Nothing was changed: remove something and try "
                "again."
            )
        return token


class Decoded(NamedTuple):
    """What anybody can read in a signed cookie, without the key."""

    payload: Any
    """The session's JSON, with Flask's tags."""
    signed_at: datetime


def decode_without_key(value: str) -> Decoded | None:
    """Read a signed cookie of Flask's format; `None` for any other value.

    The signature is not checked: reading takes no key, only writing does.
    """
    payload, _, signed_at = value.rpartition(".")[0].rpartition(".")
    try:
        text = _inflate(payload[1:]) if payload.startswith(".") else base64_decode(payload)
        seconds = int.from_bytes(base64_decode(signed_at))
        return Decoded(json.loads(text), datetime.fromtimestamp(seconds, UTC))
    except (BadData, ValueError, OverflowError, OSError, zlib.error):
        return None


def _inflate(payload: str) -> bytes:
    # A few bytes can inflate to gigabytes, and nobody has checked the signature.
    return zlib.decompressobj().decompress(base64_decode(payload), 64 * MAX_COOKIE_BYTES)


class _Payload:
    """Fields as the JSON object in Flask's cookie, and back."""

    @staticmethod
    def dumps(fields: Fields) -> str:
        return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in fields.items()) + "}"

    @staticmethod
    def loads(payload: str) -> Fields:
        values = json.loads(payload)
        fields = {
            name: json.dumps(value, separators=(",", ":"), sort_keys=True)
            for name, value in values.items()
        }
        fields[ID] = values[ID]
        return fields


class _ClockSigner(TimestampSigner):
    """Signs with the time of a given clock."""

    def __init__(self, *args: Any, clock: Clock, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.clock = clock

    def get_timestamp(self) -> int:
        return int(self.clock())


@lru_cache(maxsize=64)
def _serializer(keys: tuple[bytes, ...], salt: str, clock: Clock) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        list(keys),
        salt=salt,
        serializer=_Payload,
        signer=_ClockSigner,
        signer_kwargs={"key_derivation": "hmac", "digest_method": sha256, "clock": clock},
    )
