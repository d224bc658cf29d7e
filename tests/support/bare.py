"""A bare application, its views of its session, and a browser at them."""

from collections.abc import Callable
from typing import Any

from flask import Flask, current_app, session
from werkzeug.test import TestResponse

from backends import Clock, id_of, init_app
from backends.store import wall_clock
from tests.support.visitor import Visitor

SECRET = "5f1c0b8e93d24a7796e1d05c3ab84f6217e9c4d08b35af6e1290d7c48e6b53fa"
Views = dict[str, Callable[[], Any]]


def make_plain(**config: Any) -> Flask:
    """An application on Flask's own session."""
    app = Flask("lab")
    app.config.update({"SECRET_KEY": SECRET, "TESTING": True, **config})
    return app


def make_bare(backend: str | None = None, clock: Clock = wall_clock, **config: Any) -> Flask:
    """An application with nothing but a backend: the one of this name, or of its settings."""
    app = Flask("lab")
    app.config.update({"SECRET_KEY": SECRET, **config})
    init_app(app, backend, clock)
    return app


def add_views(app: Flask, views: Views | None = None) -> Flask:
    """Views that log in, read, write, rotate and end a session; and `views`, each at `/do/NAME`."""

    def do(name: str) -> Any:
        return (views or {})[name]() or "done"

    app.add_url_rule("/", view_func=read)
    app.add_url_rule("/sid", view_func=sid)
    app.add_url_rule("/untouched", "untouched", lambda: "nothing")
    for rule, act in (
        *(("/login", log_in), ("/login/<user>", log_in), ("/logout", log_out)),
        *(("/rotate", rotate), ("/set/<name>/<value>", set_value), ("/do/<name>", do)),
    ):
        app.add_url_rule(rule, view_func=act, methods=["POST"])
    return app


def read() -> dict[str, Any]:
    return dict(session)


def sid() -> str:
    return str(id_of(session))


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


class Tab(Visitor):
    """A visitor of a bare application."""

    def post(self, path: str, **more: Any) -> Any:
        return self.client.post(path, **more)

    def log_in(self, name: str = "alice", *_: Any, **__: Any) -> TestResponse:
        """Log in by the name alone."""
        return self.client.post(f"/login/{name}")

    def data(self) -> dict[str, Any]:
        """The data of the session."""
        found: dict[str, Any] = self.get("/").get_json()
        return found
