"""One defect each, in what the cookie holds and in what Set-Cookie says of it."""

import hmac
import json
import re
from collections.abc import Callable
from copy import copy
from datetime import UTC, datetime, timedelta
from hashlib import shake_256

from flask import Flask, Response, session
from flask.sessions import SecureCookieSessionInterface, SessionInterface, SessionMixin
from itsdangerous import BadData, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from backends import BACKENDS
from backends.cookie import CookieInterface
from backends.interface import SessionTooLarge
from backends.record import CREATED, ID
from backends.server_side import StoreInterface
from backends.session import Changes, LoadedSession, Session
from backends.store import Clock, Fields
from tests.lab.known_wrongs.wrong import Wrong, broken, in_application, in_backend, on_files


def crossed(data: bytes) -> bytes:
    """The data under a cipher that is a toy, and enough to hide it from an experiment."""
    stream = shake_256(b"a key").digest(len(data))
    return bytes(one ^ other for one, other in zip(data, stream, strict=True))


def plain(data: bytes) -> bytes:
    """The data as it is."""
    return data


class SendsACopy(StoreInterface):
    """Sends the values along, encrypted, for the time when its store is lost."""

    most_sent = 2000
    """Characters."""

    def _load(self, app: Flask, token: str) -> LoadedSession | None:
        try:
            signed = self._signer(app).unsign(token).decode()
        except (BadData, UnicodeError):
            return None
        return super()._load(app, signed.rpartition("/")[2])

    def _token(self, app: Flask, session_id: str) -> str:
        values = json.dumps(dict(session), default=str)[: self.most_sent]
        copied = base64_encode(crossed(values.encode())).decode()
        signed = f"{copied}/{super()._token(app, session_id)}"
        return self._signer(app).sign(signed).decode()


class SendsABeginning(SendsACopy):
    """Sends the first values along, encrypted, so that most pages need no store."""

    most_sent = 300


class Encrypts(CookieInterface):
    """Hides what it signs: the sound one, which no backend of ours is."""

    cipher: Callable[[bytes], bytes] = staticmethod(crossed)

    def _load(self, app: Flask, token: str) -> LoadedSession | None:
        try:
            return super()._load(app, self.cipher(base64_decode(token)).decode())
        except (BadData, UnicodeError):
            return None

    def _token(self, app: Flask, session_id: str, created: float, fields: Fields) -> str:
        token = super()._token(app, session_id, created, fields)
        return base64_encode(self.cipher(token.encode())).decode()


class OnlyEncodes(Encrypts):
    """Takes Base64 for encryption, and twice Base64 for strong encryption."""

    cipher = staticmethod(plain)


class DropsNone(StoreInterface):
    """Does not store `None`, as a setter with `if value is not None` does not."""

    def _update(self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes) -> str:
        given = {name: text for name, text in changes.changed.items() if text != "null"}
        return super()._update(app, session, loaded, Changes(given, changes.removed))


class KeepsTheLimitOfTheCookie(StoreInterface):
    """Refuses what is over 4 KB, as the cookie did that it took the place of."""

    def _update(self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes) -> str:
        if sum(map(len, session.fields().values())) > 4000:
            raise SessionTooLarge("This session is too large.")
        return super()._update(app, session, loaded, changes)


class AsksNoSize(CookieInterface):
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


class AcceptsUnsigned(CookieInterface):
    """Accepts data without a signature, as JWT libraries accepted `alg: none`.

    RFC 8725, 2.1.
    """

    def _load(self, app: Flask, token: str) -> LoadedSession | None:
        serializer = self.get_signing_serializer(app)
        assert serializer is not None
        if "." not in token.lstrip("."):
            token = serializer.make_signer(serializer.salt).sign(token).decode()
        return super()._load(app, token)


class AlwaysGivesExpires(StoreInterface):
    """Gives every cookie a month, as Flask-Session 0.8 does by default."""

    def get_expiration_time(self, app: Flask, session: SessionMixin) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC) + timedelta(days=31)


class ShowsItselfToScripts(StoreInterface):
    """Has no HttpOnly, for a script that wants to know whether somebody is logged in."""

    def get_cookie_httponly(self, app: Flask) -> bool:
        return False


class DeletesWithoutFlags(StoreInterface):
    """Deletes the cookie without its flags, as Flask-Session 0.8 does."""

    def _save_empty(self, app: Flask, session: Session, response: Response) -> None:
        if session.modified:
            if session.loaded is not None:
                self._delete(app, session.loaded)
            response.delete_cookie(self.get_cookie_name(app))


class ComparesAsText(StoreInterface):
    """Compares signatures as text, which `compare_digest` refuses unless it is ASCII."""

    def _load(self, app: Flask, token: str) -> LoadedSession | None:
        hmac.compare_digest(token.rpartition(".")[2], "the signature that it ought to be")
        return super()._load(app, token)


class PeppersTheKey(CookieInterface):
    """Signs with a secret of the machine beside the key: here the name of its folder.

    Sound elsewhere; here it makes the sentence untrue that the key is all that a forger needs.
    """

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        return salted(super().get_signing_serializer(app), str(app.config["SESSION_FILE_DIR"]))


class SaltsAsFlaskDoes(CookieInterface):
    """Signs for `cookie-session` and for no application, as Flask's own does."""

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        return salted(super().get_signing_serializer(app), "cookie-session")


class NeedsNoId(CookieInterface):
    """Has nothing random in its cookie, as Flask's own has not."""

    def _token(self, app: Flask, session_id: str, created: float, fields: Fields) -> str:
        return super()._token(app, "", created, fields)


def salted(serializer: URLSafeTimedSerializer | None, salt: str) -> URLSafeTimedSerializer | None:
    """The serializer with another salt."""
    changed = copy(serializer)
    if changed is not None:
        changed.salt = salt.encode()
    return changed


def change_each_cookie(change: Callable[[str], str]) -> Callable[[Flask], object]:
    """Have the application change every Set-Cookie of its views."""

    def change_response(response: Response) -> Response:
        headers = response.headers.getlist("Set-Cookie")
        response.headers.setlist("Set-Cookie", [change(header) for header in headers])
        return response

    return lambda app: app.after_request(change_response)


def remembers_until_the_browser_closes(header: str) -> str:
    """Remember the name in a cookie without a lifetime: `set_cookie(name, value)`."""
    if not header.startswith("remembered_name="):
        return header
    attributes = header.split("; ")
    return "; ".join(a for a in attributes if not a.startswith(("Expires=", "Max-Age=")))


def hides_the_theme(header: str) -> str:
    """HttpOnly stands on the cookie that the page's script reads."""
    return f"{header}; HttpOnly" if header.startswith("theme=") else header


def counts_in_minutes(header: str) -> str:
    """Lifetimes are in minutes, as in Laravel; whoever moved here kept the numbers."""
    return re.sub(r"Max-Age=(\d+)", lambda found: f"Max-Age={60 * int(found[1])}", header)


def install_stock_flask(app: Flask, _clock: Clock) -> SessionInterface:
    """What an application has that chooses nothing."""
    app.config["MAX_COOKIE_SIZE"] = 0  # no warning, which the tests would take for an error
    return SecureCookieSessionInterface()


COOKIE = BACKENDS["cookie"]

STOCK_FLASK = in_backend("cookie", install_stock_flask)
"""No defect that was built: Flask's own session, which breaks several claims at once."""

WRONGS = {
    "server_side": on_files(SendsACopy, breaks_too={"only_id_is_sent"}),
    "encrypted": Wrong(
        breaks=broken(COOKIE, OnlyEncodes),
        keeps=broken(COOKIE, Encrypts),
        breaks_too=frozenset({"data_hidden_from_client"}),
    ),
    "persists_between_requests": on_files(DropsNone),
    "capacity": on_files(KeepsTheLimitOfTheCookie),
    "over_capacity_is_refused": in_backend("cookie", AsksNoSize),
    "data_hidden_from_client": on_files(GreetsByScript),
    "tamper_proof": in_backend("cookie", AcceptsUnsigned),
    "ends_with_browser": on_files(AlwaysGivesExpires),
    "remember_me_persists": in_application(change_each_cookie(remembers_until_the_browser_closes)),
    "only_id_is_sent": on_files(SendsABeginning),
    "hidden_from_script": on_files(ShowsItselfToScripts, breaks_too={"cookie_flags"}),
    "preferences_readable_by_script": in_application(change_each_cookie(hides_the_theme)),
    "set_cookie_expires": in_application(change_each_cookie(counts_in_minutes)),
    "cookie_flags": on_files(DeletesWithoutFlags),
    "hostile_tokens": on_files(ComparesAsText),
    "leaked_key_forges_login": in_backend("cookie", PeppersTheKey, {"second_server"}),
    "other_app_same_key": in_backend("cookie", SaltsAsFlaskDoes),
    "two_logins_differ": in_backend("cookie", NeedsNoId),
}
