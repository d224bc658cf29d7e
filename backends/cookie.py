"""Signed cookie: Flask's own backend, extended where it is measured to fail.

The whole session lies in the browser, readable and signed. It has what a store gives the others as
far as a signature can: an id of its own, both limits, keys for one application only, and a clear
refusal where a browser would silently drop the cookie. It cannot be ended from the server.
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

from backends.audit_log import report
from backends.interface import PERMANENT, BackendInterface, SessionTooLarge
from backends.record import CREATED, ID
from backends.session import Saved, Session
from backends.settings import idle_seconds, signing_keys, token_salt
from backends.store import Clock, Fields

MOST_BYTES = 4096
"""Name and value together: a browser ignores a larger cookie whole (RFC 6265bis 5.7, step 4)."""


class CookieInterface(BackendInterface):
    """Sessions in a cookie of Flask's format, signed with HMAC-SHA-256."""

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Reads and makes tokens of this application; `None` without a secret key."""
        if not app.secret_key:
            return None
        salt = token_salt(app, self.get_cookie_name(app))
        return _serializer(signing_keys(app), salt, self.clock)

    def _load(self, app: Flask, token: str) -> Saved | None:
        serializer = self.get_signing_serializer(app)
        assert serializer is not None
        try:
            fields, signed_at = serializer.loads(token, return_timestamp=True)
            session_id, created = fields.pop(ID), float(fields.pop(CREATED))
        except (BadData, KeyError, ValueError):
            self._report_forgery(app)
            return None
        unused_until = signed_at.timestamp() + idle_seconds(app)
        ttl = min(unused_until - self.clock(), self.remaining(app, created))
        return self._living(app, Saved(session_id, token, created, ttl, fields))

    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        token = self._token(app, session.sid, created, fields)
        self._report_begun(app, session, session.sid)
        return token

    def _update(
        self, app: Flask, session: Session, saved: Saved, changed: Fields, removed: set[str]
    ) -> str:
        return self._token(app, saved.id, saved.created, session.fields())

    def _touch(self, app: Flask, saved: Saved) -> str:
        return self._token(app, saved.id, saved.created, saved.fields)

    def _delete(self, app: Flask, saved: Saved) -> None:
        """The browser's copy goes; what was signed stays valid until it is too old."""
        report(app, "session ended", saved.id)

    def _token(self, app: Flask, session_id: str, created: float, fields: Fields) -> str:
        serializer = self.get_signing_serializer(app)
        assert serializer is not None
        # Whole seconds, as the signature's own time has: every byte counts here.
        marks = {ID: json.dumps(session_id), CREATED: str(int(created))}
        token = serializer.dumps({**marks, **fields})
        assert isinstance(token, str)
        size = len(self.get_cookie_name(app)) + len(token) + len(PERMANENT)
        if size > MOST_BYTES:
            raise SessionTooLarge(
                f"This session would take {size} bytes as a cookie, and a browser keeps at most "
                f"{MOST_BYTES} (RFC 6265bis). Nothing was changed: remove something and try again."
            )
        return token


class Decoded(NamedTuple):
    """What anybody can read in a signed cookie, without the key."""

    payload: Any
    """The JSON of the session, with Flask's tags as they stand there."""
    signed_at: datetime


def decode_without_key(value: str) -> Decoded | None:
    """Read a cookie made by Flask's signed sessions, whoever signed it; `None` for any other.

    The signature is not looked at: no key is needed to read, only to write.
    """
    payload, _, signed_at = value.rpartition(".")[0].rpartition(".")
    try:
        text = _inflate(payload[1:]) if payload.startswith(".") else base64_decode(payload)
        seconds = int.from_bytes(base64_decode(signed_at))
        return Decoded(json.loads(text), datetime.fromtimestamp(seconds, UTC))
    except (BadData, ValueError, OverflowError, OSError, zlib.error):
        return None


def _inflate(payload: str) -> bytes:
    # A few bytes can inflate to gigabytes, and nobody has checked who wrote them.
    return zlib.decompressobj().decompress(base64_decode(payload), 64 * MOST_BYTES)


class _Payload:
    """Fields as the JSON object that Flask puts into its cookie, and back."""

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
        signer_kwargs={
            "key_derivation": "hmac",
            "digest_method": sha256,
            "clock": clock,
        },
    )
