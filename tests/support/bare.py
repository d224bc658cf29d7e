"""A bare application's views of its session, and a browser at them."""

from collections.abc import Callable
from typing import Any, Self, cast

from flask import Flask, current_app, session
from flask.testing import FlaskClient

from backends import Session

Views = dict[str, Callable[[], Any]]


def add_views(app: Flask, views: Views | None = None) -> Flask:
    """Views that log in, read, write, rotate and end a session; and `views`, each at `/do/NAME`."""

    def do(name: str) -> Any:
        return (views or {})[name]() or "done"

    app.add_url_rule("/", view_func=read)
    app.add_url_rule("/sid", view_func=sid)
    for rule, act in (
        ("/login", log_in),
        ("/login/<user>", log_in),
        ("/logout", log_out),
        ("/rotate", rotate),
        ("/set/<name>/<value>", set_value),
        ("/do/<name>", do),
    ):
        app.add_url_rule(rule, view_func=act, methods=["POST"])
    return app


def read() -> dict[str, Any]:
    return dict(session)


def sid() -> str:
    return cast(Session, session).sid


def log_in(user: str = "alice") -> str:
    session.clear()
    session["user"] = user
    return "in"


def log_out() -> str:
    session.clear()
    return "out"


def rotate() -> str:
    """By Flask-Session's name for it."""
    interface: Any = current_app.session_interface
    interface.regenerate(session)
    return "rotated"


def set_value(name: str, value: str) -> str:
    session[name] = value
    return "set"


class Tab:
    """A browser at the application, with a token where it is given one."""

    def __init__(self, app: Flask, token: str | None = None, agent: str = "") -> None:
        self.app = app
        self.client: FlaskClient = app.test_client()
        self.client.environ_base["HTTP_USER_AGENT"] = agent
        if token is not None:
            self.client.set_cookie("session", token)

    def post(self, path: str, **more: Any) -> Any:
        return self.client.post(path, **more)

    def log_in(self, user: str = "alice") -> Self:
        self.post(f"/login/{user}")
        return self

    def data(self) -> dict[str, Any]:
        """What the session holds."""
        found: dict[str, Any] = self.client.get("/").get_json()
        return found

    @property
    def token(self) -> str:
        cookie = self.client.get_cookie("session")
        assert cookie is not None
        return cookie.value
