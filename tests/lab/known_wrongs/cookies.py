"""Defects in the content of the cookie and in Set-Cookie."""

import hmac
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import shake_256

from flask import Flask, Response, session
from flask.sessions import SessionMixin
from itsdangerous import BadData
from itsdangerous.encoding import base64_decode, base64_encode
from werkzeug.security import check_password_hash

from app.lab.subject.application import ACCOUNT
from backends import BACKENDS, SessionTooLarge
from backends.cookie import SignedCookieInterface
from backends.loaded_session import Changes, LoadedSession
from backends.record import CREATED, ID
from backends.server_side import StoreInterface
from backends.session import Session
from backends.store import Fields
from backends.tokens.cookie_format import SessionSerializer
from tests.lab.known_wrongs.wrong import Wrong, break_backend, in_application, in_backend, on_files


def encrypt(data: bytes) -> bytes:
    """Encrypt with a toy cipher, which hides the data from an experiment."""
    stream = shake_256(b"a key").digest(len(data))
    return bytes(one ^ other for one, other in zip(data, stream, strict=True))


def leave_plain(data: bytes) -> bytes:
    """Return the data unchanged."""
    return data


class SendsACopy(StoreInterface):
    """Sends a copy of the values, encrypted, in case its store is lost."""

    max_copy_characters = 2000

    def _load(self, app: Flask, token: str) -> LoadedSession | None:
        try:
            signed = self._signer(app).unsign(token.encode()).decode()
        except (BadData, UnicodeError):
            return None
        return super()._load(app, signed.rpartition("/")[2])

    def _token(self, app: Flask, session_id: str) -> str:
        values = json.dumps(dict(session), default=str)[: self.max_copy_characters]
        copied = base64_encode(encrypt(values.encode())).decode()
        signed = f"{copied}/{super()._token(app, session_id)}"
        return self._signer(app).sign(signed.encode()).decode()

    def _update(self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes) -> str:
        super()._update(app, session, loaded, changes)
        return self._token(app, loaded.id)


class SendsABeginning(SendsACopy):
    """Sends a copy of the first values, encrypted, so that most pages need no store."""

    max_copy_characters = 300


class Encrypts(SignedCookieInterface):
    """Encrypts what it signs: the correct backend, which is not one of the project's."""

    cipher: Callable[[bytes], bytes] = staticmethod(encrypt)

    def _load(self, app: Flask, token: str) -> LoadedSession | None:
        try:
            data = base64_decode(token)
            # Base64 is decoded whatever stands behind its end, for one.
            is_ours = base64_encode(data).decode() == token
            return super()._load(app, self.cipher(data).decode()) if is_ours else None
        except (BadData, UnicodeError):
            return None

    def _token(self, app: Flask, session_id: str, created: float, fields: Fields) -> str:
        token = super()._token(app, session_id, created, fields)
        return base64_encode(self.cipher(token.encode())).decode()


class OnlyEncodes(Encrypts):
    """Mistakes Base64 for encryption."""

    cipher = staticmethod(leave_plain)


class DropsNone(StoreInterface):
    """Does not store `None`, as a setter with `if value is not None` does not."""

    def _update(self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes) -> str:
        given = {name: text for name, text in changes.changed.items() if text != "null"}
        return super()._update(app, session, loaded, Changes(given, changes.removed))


class KeepsTheLimitOfTheCookie(StoreInterface):
    """Refuses sessions over 4 KB, as the cookie did that it replaced."""

    def _update(self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes) -> str:
        if sum(map(len, session._fields().values())) > 4000:
            raise SessionTooLarge("This session is too large.")
        return super()._update(app, session, loaded, changes)


class AsksNoSize(SignedCookieInterface):
    """Sends a cookie of any size, which browsers drop, as Flask's own session does."""

    def _token(self, app: Flask, session_id: str, created: float, fields: Fields) -> str:
        serializer = self.get_signing_serializer(app)
        assert serializer is not None
        marks = {ID: json.dumps(session_id), CREATED: str(int(created))}
        return str(serializer.dumps({**marks, **fields}))


class GreetsByScript(StoreInterface):
    """Puts the e-mail address into a cookie, for a script that shows a picture."""

    def _send(self, app: Flask, session: Session, token: str, response: Response) -> None:
        super()._send(app, session, token, response)
        if "email" in session:
            response.set_cookie("email", session["email"], secure=True, samesite="Lax")


class AcceptsUnsigned(SignedCookieInterface):
    """Accepts data without a signature, as JWT libraries accepted `alg: none`.

    RFC 8725, 2.1.
    """

    def _load(self, app: Flask, token: str) -> LoadedSession | None:
        serializer = self.get_signing_serializer(app)
        assert serializer is not None
        if "." not in token.lstrip("."):
            signed_at = base64_encode(int(self.clock()).to_bytes(4)).decode()
            token = serializer._signer.sign(f"{token}.{signed_at}".encode()).decode()
        return super()._load(app, token)


class AlwaysGivesExpires(StoreInterface):
    """Gives every cookie a month, as Flask-Session 0.8 does by default."""

    def get_expiration_time(self, app: Flask, session: SessionMixin) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC) + timedelta(days=31)


class ShowsItselfToScripts(StoreInterface):
    """Lacks HttpOnly, for a script that checks whether somebody is logged in."""

    def get_cookie_httponly(self, app: Flask) -> bool:
        return False


class DeletesWithoutFlags(StoreInterface):
    """Deletes the cookie without its flags, as Flask-Session 0.8 does."""

    def _save_empty(self, app: Flask, session: Session, response: Response) -> None:
        if session.modified:
            if session._loaded is not None:
                self._delete(app, session._loaded)
            response.delete_cookie(self.get_cookie_name(app))


class ComparesAsText(StoreInterface):
    """Compares signatures as text, which `compare_digest` refuses unless it is ASCII."""

    def _load(self, app: Flask, token: str) -> LoadedSession | None:
        hmac.compare_digest(token.rpartition(".")[2], "the signature that it ought to be")
        return super()._load(app, token)


class PeppersTheKey(SignedCookieInterface):
    """Signs with a password besides the key, which a forger does not know.

    Django signs a hash of the user's password into each session for that.
    """

    def get_signing_serializer(self, app: Flask) -> SessionSerializer | None:
        # The hash has another salt in each process: whether it is of the right password has not.
        known = app.config.get("DEMO_ACCOUNTS", {}).get(ACCOUNT["username"], "")
        pepper = check_password_hash(known, ACCOUNT["password"])
        return change_salt(super().get_signing_serializer(app), f"pepper {pepper}")


class SaltsAsFlaskDoes(SignedCookieInterface):
    """Signs with the same salt for every application, as Flask's own does."""

    def get_signing_serializer(self, app: Flask) -> SessionSerializer | None:
        return change_salt(super().get_signing_serializer(app), "cookie-session")


class NeedsNoId(SignedCookieInterface):
    """Has nothing random in its cookie, like Flask's own."""

    def _token(self, app: Flask, session_id: str, created: float, fields: Fields) -> str:
        return super()._token(app, "", created, fields)


def change_salt(serializer: SessionSerializer | None, salt: str) -> SessionSerializer | None:
    """A copy of the serializer with another salt."""
    if serializer is None:
        return None
    return SessionSerializer(tuple(serializer.secret_keys), salt, serializer._clock)


def change_each_cookie(change: Callable[[str], str]) -> Callable[[Flask], object]:
    """A change of an application: every Set-Cookie of its views is changed."""

    def change_response(response: Response) -> Response:
        headers = response.headers.getlist("Set-Cookie")
        response.headers.setlist("Set-Cookie", [change(header) for header in headers])
        return response

    return lambda app: app.after_request(change_response)


def forget_name_with_browser(header: str) -> str:
    """Remember the name in a cookie without a lifetime: `set_cookie(name, value)`."""
    if not header.startswith("remembered_name="):
        return header
    attributes = header.split("; ")
    return "; ".join(a for a in attributes if not a.startswith(("Expires=", "Max-Age=")))


def hide_theme(header: str) -> str:
    """Set HttpOnly on the cookie that a script of the page reads."""
    return f"{header}; HttpOnly" if header.startswith("theme=") else header


def count_in_minutes(header: str) -> str:
    """Take lifetimes for minutes, as in Laravel."""
    return re.sub(r"Max-Age=(\d+)", lambda found: f"Max-Age={60 * int(found[1])}", header)


COOKIE = BACKENDS["cookie"]

WRONGS = {
    "server_side": on_files(SendsACopy, breaks_too={"only_id_is_sent"}),
    "encrypted": Wrong(
        breaks=break_backend(COOKIE, OnlyEncodes),
        keeps=break_backend(COOKIE, Encrypts),
        breaks_too=frozenset({"data_hidden_from_client"}),
    ),
    "persists_between_requests": on_files(DropsNone),
    "capacity": on_files(KeepsTheLimitOfTheCookie),
    "over_capacity_is_refused": in_backend("cookie", AsksNoSize),
    "data_hidden_from_client": on_files(GreetsByScript),
    "tamper_proof": in_backend("cookie", AcceptsUnsigned),
    "ends_with_browser": on_files(AlwaysGivesExpires),
    "remember_me_persists": in_application(change_each_cookie(forget_name_with_browser)),
    "only_id_is_sent": on_files(SendsABeginning),
    "hidden_from_script": on_files(ShowsItselfToScripts, breaks_too={"cookie_flags"}),
    "preferences_readable_by_script": in_application(change_each_cookie(hide_theme)),
    "set_cookie_expires": in_application(change_each_cookie(count_in_minutes)),
    "cookie_flags": on_files(DeletesWithoutFlags),
    "hostile_tokens": on_files(ComparesAsText),
    "leaked_key_logs_nobody_in": Wrong(COOKIE, keeps=break_backend(COOKIE, PeppersTheKey)),
    "other_app_same_key": in_backend("cookie", SaltsAsFlaskDoes),
    "two_logins_differ": in_backend("cookie", NeedsNoId),
}
