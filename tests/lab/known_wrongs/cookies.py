"""Backends and applications with one defect in their cookies."""

from collections.abc import Callable, Mapping
from functools import partial
from hashlib import shake_256
from typing import Any

from flask import Flask, Response
from flask.sessions import SecureCookieSessionInterface, SessionInterface
from itsdangerous.encoding import base64_decode, base64_encode

from app import create_app
from backends import BACKENDS
from backends.cookie import CookieInterface
from backends.filesystem import FileSystemStore
from backends.interface import StoreInterface
from backends.session import Saved, Session
from backends.store import Clock, Fields
from tests.lab.known_wrongs.wrong import Wrong, broken

COOKIE, FILESYSTEM = BACKENDS["cookie"], BACKENDS["filesystem"]


class ForgetsChanges(StoreInterface):
    """Says that it has written, and has not."""

    def _update(
        self, app: Flask, session: Session, saved: Saved, changed: Fields, removed: set[str]
    ) -> str:
        return saved.token


class BelievesAnyId(StoreInterface):
    """Signs its ids, and looks at no signature."""

    def _load(self, app: Flask, token: str) -> Saved | None:
        session_id = token.rpartition(".")[0]
        return super()._load(app, self._token(app, session_id))


class ShowsItselfToScripts(StoreInterface):
    """Has no HttpOnly."""

    def get_cookie_httponly(self, app: Flask) -> bool:
        return False


class Encrypts(CookieInterface):
    """Hides what it signs. The cipher is a toy, and enough to hide it from an experiment."""

    def _load(self, app: Flask, token: str) -> Saved | None:
        return super()._load(app, _crossed(base64_decode(token)).decode())

    def _token(self, app: Flask, session_id: str, created: float, fields: Fields) -> str:
        token = super()._token(app, session_id, created, fields)
        return base64_encode(_crossed(token.encode())).decode()


def _crossed(data: bytes) -> bytes:
    stream = shake_256(b"a key").digest(len(data))
    return bytes(one ^ other for one, other in zip(data, stream, strict=True))


def _on_files(interface: type[StoreInterface], app: Flask, clock: Clock) -> SessionInterface:
    return interface(app, FileSystemStore(app.config["SESSION_FILE_DIR"], clock), clock)


def _stock_flask(app: Flask, _clock: Clock) -> SessionInterface:
    app.config["MAX_COOKIE_SIZE"] = 0  # no warning, which the tests would take for an error
    return SecureCookieSessionInterface()


def _with_each_cookie(
    change: Callable[[str], str], config: Mapping[str, Any] | None = None
) -> Flask:
    """The application, with every Set-Cookie of its views changed."""
    app = create_app(config)

    @app.after_request
    def change_cookies(response: Response) -> Response:
        headers = response.headers.getlist("Set-Cookie")
        response.headers.setlist("Set-Cookie", [change(header) for header in headers])
        return response

    return app


def _without_lifetime(header: str) -> str:
    attributes = header.split("; ")
    return "; ".join(a for a in attributes if not a.startswith(("Expires=", "Max-Age=")))


def _hidden_from_script(header: str) -> str:
    return f"{header}; HttpOnly"


WRONGS = {
    "server_side": Wrong(breaks=COOKIE, keeps=FILESYSTEM),
    "encrypted": Wrong(breaks=COOKIE, keeps=broken("cookie", Encrypts)),
    "persists_between_requests": Wrong(
        breaks=broken("filesystem", partial(_on_files, ForgetsChanges)), keeps=FILESYSTEM
    ),
    "capacity": Wrong(breaks=COOKIE, keeps=FILESYSTEM),
    "over_capacity_is_refused": Wrong(breaks=broken("cookie", _stock_flask), keeps=COOKIE),
    "data_hidden_from_client": Wrong(breaks=COOKIE, keeps=FILESYSTEM),
    "tamper_proof": Wrong(
        breaks=broken("filesystem", partial(_on_files, BelievesAnyId)), keeps=COOKIE
    ),
    "ends_with_browser": Wrong(breaks=BACKENDS["flask-session-filesystem"], keeps=FILESYSTEM),
    "remember_me_persists": Wrong(
        breaks=FILESYSTEM,
        keeps=FILESYSTEM,
        create_app=partial(_with_each_cookie, _without_lifetime),
    ),
    "only_id_is_sent": Wrong(breaks=COOKIE, keeps=FILESYSTEM),
    "hidden_from_script": Wrong(
        breaks=broken("filesystem", partial(_on_files, ShowsItselfToScripts)), keeps=FILESYSTEM
    ),
    "preferences_readable_by_script": Wrong(
        breaks=FILESYSTEM,
        keeps=FILESYSTEM,
        create_app=partial(_with_each_cookie, _hidden_from_script),
    ),
    "set_cookie_expires": Wrong(
        breaks=FILESYSTEM,
        keeps=FILESYSTEM,
        create_app=partial(_with_each_cookie, _without_lifetime),
    ),
    "cookie_flags": Wrong(breaks=BACKENDS["flask-session-filesystem"], keeps=FILESYSTEM),
}
