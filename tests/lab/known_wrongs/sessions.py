"""Backends with one defect in how sessions begin, change and end."""

import secrets
from collections.abc import Mapping
from typing import Any

from flask import Flask, Request
from flask.sessions import SecureCookieSessionInterface, SessionInterface

from app import create_app
from backends import BACKENDS
from backends.filesystem import FileSystemStore
from backends.interface import StoreInterface
from backends.session import Saved, Session
from backends.store import Clock
from tests.lab.known_wrongs.wrong import Wrong, broken


class ForgetsToDelete(StoreInterface):
    """Takes the cookie away at logout, and leaves the record."""

    def _delete(self, app: Flask, saved: Saved) -> None:
        pass


class NeverTooOld(StoreInterface):
    """Keeps a session for a year, used or not."""

    def remaining(self, app: Flask, created: float) -> float:
        return 365 * 24 * 3600


class OnlySaysThatItEnded(StoreInterface):
    """Reports that another session was revoked, and leaves its record."""

    def _revoke(self, owner: str, key: str) -> bool:
        return True


class AdoptsUnknownIds(StoreInterface):
    """Begins a session under whatever id the cookie holds, as Flask-Session did before 0.7."""

    def open_session(self, app: Flask, request: Request) -> Session:  # type: ignore[override]
        session = super().open_session(app, request)
        assert session is not None
        if session.new:
            session._next_id = session.cookie
        return session

    def _load(self, app: Flask, token: str) -> Saved | None:
        return super()._load(app, super()._token(app, token))

    def _token(self, app: Flask, session_id: str) -> str:
        return session_id


def create_app_with_a_new_key(settings: Mapping[str, Any]) -> Flask:
    """As many tutorials have it: `app.secret_key = os.urandom(24)`."""
    return create_app({**settings, "SECRET_KEY": secrets.token_hex(32)})


STOCK_COOKIE = broken("cookie", lambda _app, _clock: SecureCookieSessionInterface())
"""Flask's own."""

OF_STOCK_FILES = Wrong(breaks=BACKENDS["flask-session-filesystem"], keeps=BACKENDS["filesystem"])
OF_STOCK_COOKIE = Wrong(breaks=STOCK_COOKIE, keeps=BACKENDS["cookie"])


def _of_files(interface: type[StoreInterface]) -> Wrong:
    def install(app: Flask, clock: Clock) -> SessionInterface:
        return interface(app, FileSystemStore(app.config["SESSION_FILE_DIR"], clock), clock)

    return Wrong(breaks=broken("filesystem", install), keeps=BACKENDS["filesystem"])


WRONGS = {
    "absolute_timeout": OF_STOCK_FILES,
    "fixation": OF_STOCK_FILES,
    "idle_timeout": _of_files(NeverTooOld),
    "key_rotation": OF_STOCK_FILES,
    "leaked_key_forges_login": Wrong(breaks=BACKENDS["filesystem"], keeps=BACKENDS["cookie"]),
    "logout_is_final": _of_files(ForgetsToDelete),
    "logout_survives_slow_request": OF_STOCK_FILES,
    "nested_change_is_seen": OF_STOCK_COOKIE,
    "no_rollback": Wrong(breaks=BACKENDS["cookie"], keeps=BACKENDS["filesystem"]),
    "other_app_same_key": OF_STOCK_COOKIE,
    "parallel_writes_survive": Wrong(
        breaks=BACKENDS["flask-session-redis"], keeps=BACKENDS["redis"]
    ),
    "read_keeps_write": OF_STOCK_FILES,
    "regenerate_survives_slow_request": OF_STOCK_FILES,
    "regenerated_at_login": OF_STOCK_FILES,
    "revoke_other_devices": _of_files(OnlySaysThatItEnded),
    "second_server": Wrong(breaks=BACKENDS["filesystem"], keeps=BACKENDS["cookie"]),
    "survives_restart": Wrong(
        breaks=BACKENDS["cookie"],
        keeps=BACKENDS["cookie"],
        create_app=create_app_with_a_new_key,
    ),
    "two_logins_differ": OF_STOCK_COOKIE,
    "types_survive": OF_STOCK_COOKIE,
    "unknown_id_not_adopted": _of_files(AdoptsUnknownIds),
}
