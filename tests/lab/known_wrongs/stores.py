"""Backends with one defect in their stores."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from flask import Flask, session

from app import create_app
from backends import BACKENDS
from backends.filesystem import FileSystemStore
from backends.interface import StoreInterface
from backends.session import Saved
from backends.store import Clock
from tests.lab.known_wrongs.wrong import Wrong, broken

STOCK_FILES = BACKENDS["flask-session-filesystem"]
STOCK_REDIS = BACKENDS["flask-session-redis"]


def counts_visits(config: dict[str, Any]) -> Flask:
    """An application that begins a session for everybody who looks at a page."""
    app = create_app(config)

    @app.before_request
    def count() -> None:
        session["visits"] = session.get("visits", 0) + 1

    return app


class LooksUnderTheToken(StoreInterface):
    """Opens a file by the name that the cookie gives."""

    def _load(self, app: Flask, token: str) -> Saved | None:
        with suppress(FileNotFoundError):
            Path(app.config["SESSION_FILE_DIR"], token).read_bytes()
        return super()._load(app, token)


def looks_under_the_token(app: Flask, clock: Clock) -> LooksUnderTheToken:
    store = FileSystemStore(app.config["SESSION_FILE_DIR"], clock)
    return LooksUnderTheToken(app, store, clock)


WRONGS: dict[str, Wrong] = {
    "anonymous_leaves_nothing": Wrong(
        breaks=BACKENDS["filesystem"], keeps=BACKENDS["filesystem"], create_app=counts_visits
    ),
    "corrupt_record": Wrong(breaks=STOCK_REDIS, keeps=BACKENDS["redis"]),
    "disk_full": Wrong(breaks=STOCK_FILES, keeps=BACKENDS["filesystem"]),
    "expired_are_swept": Wrong(breaks=STOCK_FILES, keeps=BACKENDS["filesystem"]),
    "forged_ids_never_reach_store": Wrong(breaks=STOCK_REDIS, keeps=BACKENDS["redis"]),
    "hostile_tokens": Wrong(
        breaks=broken("filesystem", looks_under_the_token), keeps=BACKENDS["filesystem"]
    ),
    "many_users": Wrong(breaks=STOCK_FILES, keeps=BACKENDS["filesystem"]),
    "planted_pickle": Wrong(breaks=STOCK_REDIS, keeps=BACKENDS["redis"]),
    "stolen_store_dump": Wrong(breaks=STOCK_REDIS, keeps=BACKENDS["redis"]),
    "store_down": Wrong(breaks=STOCK_FILES, keeps=BACKENDS["filesystem"]),
    "store_frozen": Wrong(breaks=STOCK_REDIS, keeps=BACKENDS["redis"]),
    "untouched_costs_nothing": Wrong(breaks=STOCK_FILES, keeps=BACKENDS["filesystem"]),
}
