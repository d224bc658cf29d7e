"""Session backends for any Flask application: `init_app(app)` installs the one you name.

from backends import init_app

app.config.update(SESSION_BACKEND="redis", REDIS_URL="redis://localhost:6379/0")
init_app(app)
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.sessions import SessionInterface

from backends import cookie, filesystem, redis, reference
from backends.configuration import ConfigurationError
from backends.interface import SessionTooLarge, StoreInterface, key_of
from backends.session import Session
from backends.store import AtRest, Clock, SessionGone, Store, StoreUnavailable

__all__ = [
    "BACKENDS",
    "AtRest",
    "Backend",
    "ConfigurationError",
    "Session",
    "SessionGone",
    "SessionTooLarge",
    "Store",
    "StoreUnavailable",
    "backend_of",
    "init_app",
    "interface_of",
]


@dataclass(frozen=True)
class Backend:
    """One choice for `SESSION_BACKEND`: how it is installed, and what it can and cannot do."""

    name: str
    title: str
    install: Callable[[Flask, Clock], SessionInterface]
    state: str
    """Where the session's data lies: `browser` or `server`."""
    readable: bool
    """Whether the browser's owner can read the data."""
    revocable: bool
    """Whether the server can end a session, so that a copied token is dead."""
    several_processes: bool
    several_servers: str
    survives_restart: str
    needs: str | None
    """The service without which it does not run."""
    reference: bool = False
    """Whether it is there for comparison: Flask-Session as it ships."""
    at_rest: Callable[[Flask, Any], AtRest | None] | None = None
    """Shows what the server holds of a session; unset where it holds nothing."""
    check: Callable[[Flask], None] | None = None
    """Asks the store for nobody's session and raises `StoreUnavailable`; unset without a store."""


def _at_rest(app: Flask, session: Any) -> AtRest | None:
    return interface_of(app).at_rest(session)


def _check(app: Flask) -> None:
    interface_of(app).store.load(key_of(""))


BACKENDS = {
    backend.name: backend
    for backend in (
        Backend(
            name="cookie",
            title="Signed cookie",
            install=cookie.CookieInterface,
            state="browser",
            readable=True,
            revocable=False,
            several_processes=True,
            several_servers="yes, with the same key",
            survives_restart="yes",
            needs=None,
        ),
        Backend(
            name="filesystem",
            title="Filesystem",
            install=filesystem.install,
            state="server",
            readable=False,
            revocable=True,
            several_processes=True,
            several_servers="no",
            survives_restart="yes",
            needs=None,
            at_rest=_at_rest,
            check=_check,
        ),
        Backend(
            name="redis",
            title="Redis",
            install=redis.install,
            state="server",
            readable=False,
            revocable=True,
            several_processes=True,
            several_servers="yes",
            survives_restart="yes, as far as Redis persists",
            needs="Redis",
            at_rest=_at_rest,
            check=_check,
        ),
        Backend(
            name="flask-session-filesystem",
            title="Flask-Session, filesystem",
            install=reference.install_filesystem,
            state="server",
            readable=False,
            revocable=True,
            several_processes=True,
            several_servers="no",
            survives_restart="yes",
            needs=None,
            reference=True,
            at_rest=reference.at_rest_filesystem,
            check=reference.check,
        ),
        Backend(
            name="flask-session-redis",
            title="Flask-Session, Redis",
            install=reference.install_redis,
            state="server",
            readable=False,
            revocable=True,
            several_processes=True,
            several_servers="yes",
            survives_restart="yes, as far as Redis persists",
            needs="Redis",
            reference=True,
            at_rest=reference.at_rest_redis,
            check=reference.check,
        ),
    )
}


def init_app(app: Flask, backend: str | None = None, clock: Clock = time.time) -> None:
    """Install the backend of that name, or of `app.config["SESSION_BACKEND"]`.

    Raises `ConfigurationError` for an unknown name and for settings that the backend cannot use.
    """
    name = backend or app.config.get("SESSION_BACKEND")
    if name not in BACKENDS:
        raise ConfigurationError(
            f"SESSION_BACKEND={name} is not known. Choose one of: {', '.join(BACKENDS)}."
        )
    app.session_interface = BACKENDS[name].install(app, clock)
    app.extensions["session_backend"] = BACKENDS[name]


def backend_of(app: Flask) -> Backend:
    """The backend that `init_app` installed. Raises `KeyError` where it installed none."""
    backend: Backend = app.extensions["session_backend"]
    return backend


def interface_of(app: Flask) -> StoreInterface:
    """The interface of a backend of ours that has a store. Raises `TypeError` for any other."""
    if not isinstance(app.session_interface, StoreInterface):
        raise TypeError(f"{type(app.session_interface).__name__} has no store of ours")
    return app.session_interface
