"""Flask-SocketIO: an application of our own, and what comes over its sockets.

Its documentation says of `manage_session`: by default events have a session that is a copy of the
browser's at the time of the connection. With `False` they have Flask's own: a session in a cookie
stays there as it was at the connection, and one on the server is shared with the HTTP requests.
"""

from functools import partial
from typing import Any

from flask import Flask, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_socketio import SocketIO

from tests.backends.extensions.recording import Recording, Scenario


class Listener(UserMixin):
    def __init__(self, name: str) -> None:
        self.id = name


def build(app: Flask, manage_session: bool) -> SocketIO:
    """Add Flask-SocketIO and Flask-Login, the views and the handlers of events."""
    LoginManager(app).user_loader(Listener)
    app.add_url_rule("/session", view_func=read)
    for rule, view in (("/set/<name>/<value>", write), ("/login/<name>", log_in)):
        app.add_url_rule(rule, view_func=view, methods=["POST"])
    app.add_url_rule("/logout", view_func=log_out, methods=["POST"])
    socketio = SocketIO(app, async_mode="threading", manage_session=manage_session)
    for handler in (connect, read, write, append, clear, user):
        socketio.on_event(handler.__name__, handler)
    return socketio


def connect() -> None:
    session["connected"] = True


def read() -> dict[str, Any]:
    return dict(session)


def write(name: str, value: str) -> str:
    session[name] = value
    return "written"


def append(name: str, value: str) -> str:
    session.setdefault(name, []).append(value)
    session.modified = True
    return "appended"


def clear() -> None:
    session.clear()


def user() -> str:
    known: Any = current_user
    return str(known.get_id()) if known.is_authenticated else "nobody"


def log_in(name: str) -> str:
    login_user(Listener(name))
    return "in"


def log_out() -> str:
    logout_user()
    session.clear()
    return "out"


def write_in_events(browser: Recording) -> None:
    browser.post("value by HTTP", "/set/color/red")
    socket = browser.connect()
    browser.emit("first event", socket, "read")
    browser.emit("event that writes", socket, "write", "size", "small")
    browser.emit("event after it", socket, "read")
    browser.get("page after it", "/session")
    browser.emit("event that appends", socket, "append", "list", "one")
    browser.emit("event that appends again", socket, "append", "list", "two")
    browser.emit("event after them", socket, "read")
    browser.get("page after them", "/session")
    browser.emit("event that clears", socket, "clear")
    browser.emit("event after the clearing", socket, "read")
    browser.get("page after the clearing", "/session")


def log_in_and_out(browser: Recording) -> None:
    browser.post("login", "/login/ada")
    socket = browser.connect()
    browser.emit("user", socket, "user")
    browser.post("logout", "/logout")
    browser.emit("user after the logout", socket, "user")
    browser.emit("write after the logout", socket, "write", "size", "small")
    browser.get("page after the logout", "/session")
    browser.post("login of another user", "/login/bob")
    browser.emit("user of the first connection", socket, "user")
    later = browser.connect()
    browser.emit("user of a later connection", later, "user")


SCENARIOS = [
    Scenario(f"{name}, {kind} session", partial(build, manage_session=manage_session), play)
    for name, play in (
        *(("write in events", write_in_events), ("login and logout by HTTP", log_in_and_out)),
    )
    for kind, manage_session in (("Flask-SocketIO's", True), ("Flask's", False))
]
