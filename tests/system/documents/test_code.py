"""The Python of the documents does what they say."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fakeredis
import pytest
from flask import Flask, redirect, request, session
from flask.sessions import SecureCookieSessionInterface
from flask_session import Session

from backends import Backend, init_app
from tests.conftest import SECRET
from tests.support.bare import Tab, add_views, make_bare, make_plain
from tests.support.clock import SetClock
from tests.system.documents.documents import find_blocks

MIGRATING, DEPLOYING = "docs/migrating.md", "docs/deploying.md"


def run_block(document: str, containing: str, **names: Any) -> dict[str, Any]:
    """Run the one block that has this text, with these names. Returns all names after it."""
    [block] = [block for block in find_blocks(document, "python") if containing in block]
    code = block.replace('"2027-01-31"', '"2100-01-31"')  # an example's day comes; the tests go on
    code = code.replace("SECRET_KEY=...", f"SECRET_KEY={SECRET!r}")
    names["__name__"] = __name__
    exec(compile(code, document, "exec"), names)  # noqa: S102 - it is the project's own
    return names


def log_in_as(app: Flask) -> str:
    """The token of somebody who logged in before the switch."""
    tab = Tab(app)
    with tab.client.session_transaction() as opened:
        opened["user_id"] = 42
    return tab.token


def test_the_move_from_flask() -> None:
    token = log_in_as(make_plain())
    app = make_plain(SESSION_REDIS=fakeredis.FakeRedis())
    run_block(MIGRATING, 'SESSION_MIGRATE_FROM="flask",', app=app, redis_url=None)
    assert Tab(add_views(app), token).data()["user_id"] == 42


def test_the_move_from_flask_session() -> None:
    client = fakeredis.FakeRedis()
    before = make_plain(SESSION_TYPE="redis", SESSION_REDIS=client)
    Session(before)
    token = log_in_as(before)
    app = make_plain()
    run_block(MIGRATING, 'SESSION_MIGRATE_FROM="flask-session"', app=app, redis_client=client)
    assert Tab(add_views(app), token).data()["user_id"] == 42


def test_the_move_from_an_interface_of_ones_own() -> None:
    class MySessionInterface(SecureCookieSessionInterface):
        salt = "my own"

    before = make_plain()
    before.session_interface = MySessionInterface()
    token = log_in_as(before)
    app = make_plain()
    run_block(MIGRATING, "MySessionInterface()", app=app, MySessionInterface=MySessionInterface)
    app.config["SESSION_MIGRATE_UNTIL"] = "2100-01-31"
    init_app(app, "cookie")
    assert Tab(add_views(app), token).data()["user_id"] == 42


def test_the_move_between_two_of_ours(tmp_path: Path) -> None:
    token = log_in_as(make_bare("filesystem", SESSION_FILE_DIR=tmp_path))
    app = make_plain(SESSION_FILE_DIR=tmp_path, SESSION_REDIS=fakeredis.FakeRedis())
    run_block(MIGRATING, 'SESSION_KEY_PREFIX="moved:"', app=app, init_app=init_app)
    assert Tab(add_views(app), token).data()["user_id"] == 42


def test_the_way_back(make_app: Callable[..., Flask], backend: Backend) -> None:
    ours = make_app()
    token = log_in_as(ours)
    app = make_plain()
    app.config.update(ours.config)
    names = {"init_app": lambda app: init_app(app, backend.name, SetClock())}
    run_block(MIGRATING, "class BackToFlask", app=app, **names)
    tab = Tab(add_views(app), token)
    assert tab.data()["user_id"] == 42
    assert Tab(add_views(make_plain()), tab.token).data()["user_id"] == 42
    assert "Set-Cookie" not in Tab(app).get("/").headers


def test_the_production_settings_work_at_the_first_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", SECRET)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    app: Flask = run_block(DEPLOYING, "SESSION_MAX_PER_OWNER")["app"]
    app.config["SESSION_REDIS"] = fakeredis.FakeRedis()
    init_app(app)
    user = type("User", (), {"name": "alice"})
    names = {"app": app, "session": session, "request": request, "redirect": redirect}
    run_block(DEPLOYING, "def log_in", check_password=lambda _: user, **names)
    run_block(DEPLOYING, "def readyz", app=app)
    client = app.test_client()
    proxied = {"base_url": "http://shop.example.com", "headers": {"X-Forwarded-Proto": "https"}}
    cookie = client.post("/login", **proxied).headers["Set-Cookie"]
    assert cookie.startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    answers = [client.get(path, **proxied) for path in ("/healthz", "/readyz")]
    assert {answer.status_code for answer in answers} == {200}
    assert client.get("/healthz", base_url="http://other.example.com").status_code == 400


def test_the_counters_of_prometheus_count(make_app: Callable[..., Flask]) -> None:
    from prometheus_client import REGISTRY

    names = run_block(DEPLOYING, "prometheus_client")
    app = add_views(make_app())

    def value(event: str, reason: str = "") -> float | None:
        return REGISTRY.get_sample_value("sessions_total", {"event": event, "reason": reason})

    try:
        tab = Tab(app).logged_in()
        tab.post("/logout")
        Tab(app, "forged").get("/")
        assert (value("session-begun"), value("session-ended", "logout")) == (1, 1)
        assert value("token-refused", "forged") == 1
    finally:
        for each, receiver in names["receivers"]:
            each.disconnect(receiver)
        names["signals"].store_failed.disconnect(names["observe"])
        REGISTRY.unregister(names["events"])
        REGISTRY.unregister(names["failures"])


def test_a_replaced_key_keeps_everybody_in(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    token = log_in_as(app)
    run_block(DEPLOYING, "SECRET_KEY_FALLBACKS", app=app, new_key="k" * 40, old_key=SECRET)
    assert Tab(add_views(app), token).data()["user_id"] == 42


@pytest.mark.parametrize("document", ["README.md", "docs/choosing.md"])
def test_the_one_line_that_changes(document: str) -> None:
    app: Flask = run_block(document, "init_app(app)", app=make_plain())["app"]
    assert app.config["SESSION_BACKEND"] == "redis"
    assert type(app.session_interface).__module__.startswith("backends.")
