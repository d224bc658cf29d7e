"""Backends with one defect in how sessions begin, change and end."""

import secrets
from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask.sessions import SessionInterface

from app import create_app
from backends import BACKENDS, Backend
from backends.filesystem import FileSystemStore
from backends.interface import StoreInterface
from backends.session import Saved
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


def create_app_with_a_new_key(settings: Mapping[str, Any]) -> Flask:
    """As many tutorials have it: `app.secret_key = os.urandom(24)`."""
    return create_app({**settings, "SECRET_KEY": secrets.token_hex(32)})


def _install_on_files(
    interface: type[StoreInterface], app: Flask, clock: Clock
) -> SessionInterface:
    return interface(app, FileSystemStore(app.config["SESSION_FILE_DIR"], clock), clock)


def _broken_files(interface: type[StoreInterface]) -> Backend:
    return broken("filesystem", lambda app, clock: _install_on_files(interface, app, clock))


WRONGS = {
    "absolute_timeout": Wrong(
        breaks=BACKENDS["flask-session-filesystem"], keeps=BACKENDS["filesystem"]
    ),
    "idle_timeout": Wrong(breaks=_broken_files(NeverTooOld), keeps=BACKENDS["filesystem"]),
    "logout_is_final": Wrong(breaks=_broken_files(ForgetsToDelete), keeps=BACKENDS["filesystem"]),
    "parallel_writes_survive": Wrong(
        breaks=BACKENDS["flask-session-redis"], keeps=BACKENDS["redis"]
    ),
    "regenerated_at_login": Wrong(
        breaks=BACKENDS["flask-session-filesystem"], keeps=BACKENDS["filesystem"]
    ),
    "survives_restart": Wrong(
        breaks=BACKENDS["cookie"],
        keeps=BACKENDS["cookie"],
        create_app=create_app_with_a_new_key,
    ),
}
