"""An application before and after it was switched to one of our backends."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cachelib.file import FileSystemCache
from flask import Flask
from flask_session import Session

from backends import BACKENDS, Backend
from tests.backends.places import at_any_speed
from tests.conftest import Where, place
from tests.support.bare import Tab, Views, add_views, make_plain
from tests.support.clock import SetClock
from tests.support.services import RedisServer

WEEK = 7 * 24 * 3600
LIMITS = {"PERMANENT_SESSION_LIFETIME": 2 * WEEK, "SESSION_PERMANENT": False}


time_limit = at_any_speed


def make_stock(views: Views, **config: Any) -> Flask:
    app = make_plain(**LIMITS, **config)
    if "SESSION_TYPE" in config:
        Session(app)
    return add_views(app, views)


class Browser(Tab):
    """A visitor; Flask-Session says of each session whether it is permanent."""

    def data(self) -> dict[str, Any]:
        return {key: value for key, value in super().data().items() if key != "_permanent"}


class Before:
    """An application on what ships, and the settings with which it is switched."""

    def __init__(self, app: Flask, source: str, more: Where, keeps_record: bool) -> None:
        self.app = app
        self.settings = {"SESSION_MIGRATE_FROM": source, **more}
        self.keeps_record = keeps_record
        """Whether it has a record on the server, which can be deleted."""

    def log_in(self, name: str = "alice") -> Browser:
        return Browser(self.app).logged_in(name)


Route = tuple[str, str]
"""Where sessions are moved from, which is what ships, and our backend, to which they are moved."""

ROUTES: list[Route] = [
    *(("flask", "sqlite"), ("flask-session-redis", "redis"), ("flask-session-files", "filesystem")),
    *(("flask", "cookie"), ("flask-session-redis", "cookie")),
]
"""Each source and each backend, and whether either can end a session by whether the other can; the
encrypted cookie moves sessions as the signed one does."""

INTO_STORES = ROUTES[:3]


def by(*routes: Route) -> pytest.MarkDecorator:
    """These routes instead of all."""
    return pytest.mark.parametrize("route", routes, indirect=True, ids="-".join)


INTO_A_STORE, INTO_EITHER = by(ROUTES[0]), by(ROUTES[0], ROUTES[3])
"""For what is read of a source that the test itself makes."""


@pytest.fixture(params=ROUTES, ids="-".join)
def route(request: pytest.FixtureRequest) -> Route:
    found: Route = request.param
    return found


@pytest.fixture
def before(request: pytest.FixtureRequest, route: Route, tmp_path: Path, views: Views) -> Before:
    """An application on Flask's cookie, on Flask-Session with Redis, and with files."""
    if route[0] == "flask":
        return Before(make_stock(views), "flask", {}, keeps_record=False)
    if route[0] == "flask-session-redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        settings: dict[str, Any] = {"SESSION_TYPE": "redis", "SESSION_REDIS": server.client()}
        app = make_stock(views, **settings)
        # The new store has a client of its own, or none: only the type and the client are kept.
        return Before(app, "flask-session", settings, keeps_record=True)
    return old_files(tmp_path, views)


def old_files(tmp_path: Path, views: Views) -> Before:
    cache = FileSystemCache(str(tmp_path / "old"))
    settings = {"SESSION_TYPE": "cachelib", "SESSION_CACHELIB": cache}
    return Before(make_stock(views, **settings), "flask-session-pickle", settings, True)


@pytest.fixture
def placed(request: pytest.FixtureRequest, route: Route, tmp_path: Path) -> tuple[Backend, Where]:
    """The backend at the end of the route, on a real service if it needs one."""
    return place(request, tmp_path, (BACKENDS[route[1]], "real"))


Switch = Callable[..., Flask]


@pytest.fixture
def switch(make_app: Callable[..., Flask], clock: SetClock, views: Views) -> Switch:
    """The same application on a backend of ours."""

    def make(before: Before, **config: Any) -> Flask:
        until = datetime.fromtimestamp(clock() + 4 * WEEK, UTC)
        settings = {"SESSION_MIGRATE_UNTIL": until, "SESSION_OWNER": "user"}
        return add_views(make_app(**{**LIMITS, **settings, **before.settings, **config}), views)

    return make


@pytest.fixture
def after(before: Before, switch: Switch) -> Flask:
    return switch(before)


def watch_old(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens for which the old interface is asked from now on."""
    asked: list[str] = []
    interface: Any = app.session_interface
    old: Any = interface.migration.old._interface
    whole = old.open_session

    def open_session(application: Flask, request: Any) -> Any:
        asked.extend(request.cookies.values())
        return whole(application, request)

    monkeypatch.setattr(old, "open_session", open_session)
    return asked
