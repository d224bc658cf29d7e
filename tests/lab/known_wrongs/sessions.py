"""Backends with one defect in how sessions begin, change and end."""

from flask import Flask
from flask.sessions import SessionInterface

from backends import BACKENDS
from backends.filesystem import FileSystemStore
from backends.interface import StoreInterface
from backends.session import Saved
from backends.store import Clock
from tests.lab.known_wrongs.wrong import Wrong, broken


class ForgetsToDelete(StoreInterface):
    """Takes the cookie away at logout, and leaves the record."""

    def _delete(self, app: Flask, saved: Saved) -> None:
        pass


def _install_on_files(
    interface: type[StoreInterface], app: Flask, clock: Clock
) -> SessionInterface:
    return interface(app, FileSystemStore(app.config["SESSION_FILE_DIR"], clock), clock)


WRONGS = {
    "logout_is_final": Wrong(
        breaks=broken(
            "filesystem", lambda app, clock: _install_on_files(ForgetsToDelete, app, clock)
        ),
        keeps=BACKENDS["filesystem"],
    ),
    "parallel_writes_survive": Wrong(
        breaks=BACKENDS["flask-session-redis"], keeps=BACKENDS["redis"]
    ),
}
