"""Backends with one defect in their stores."""

from typing import Any

from flask import Flask, session

from app import create_app
from backends import BACKENDS
from tests.lab.known_wrongs.wrong import Wrong

STOCK_FILES = BACKENDS["flask-session-filesystem"]
STOCK_REDIS = BACKENDS["flask-session-redis"]


def counts_visits(config: dict[str, Any]) -> Flask:
    """An application that begins a session for everybody who looks at a page."""
    app = create_app(config)

    @app.before_request
    def count() -> None:
        session["visits"] = session.get("visits", 0) + 1

    return app


WRONGS: dict[str, Wrong] = {
    "anonymous_leaves_nothing": Wrong(
        breaks=BACKENDS["filesystem"], keeps=BACKENDS["filesystem"], create_app=counts_visits
    ),
    "expired_are_swept": Wrong(breaks=STOCK_FILES, keeps=BACKENDS["filesystem"]),
    "forged_ids_never_reach_store": Wrong(breaks=STOCK_REDIS, keeps=BACKENDS["redis"]),
    "many_users": Wrong(breaks=STOCK_FILES, keeps=BACKENDS["filesystem"]),
    "stolen_store_dump": Wrong(breaks=STOCK_REDIS, keeps=BACKENDS["redis"]),
    "untouched_costs_nothing": Wrong(breaks=STOCK_FILES, keeps=BACKENDS["filesystem"]),
}
