"""Session backends for any Flask application: `init_app(app)` installs the one you name.

from backends import init_app

app.config.update(SESSION_BACKEND="redis", REDIS_URL="redis://localhost:6379/0")
init_app(app)
"""

import time
from collections import UserDict
from functools import cached_property

from flask import Flask

from backends import cookie, filesystem, redis, reference
from backends.backend import Backend
from backends.configuration import ConfigurationError
from backends.installed import installed_backends
from backends.interface import SessionTooLarge, StoreInterface
from backends.session import Session
from backends.store import (
    AtRest,
    Clock,
    Fields,
    ListsSessions,
    Record,
    SessionGone,
    ShowsRecords,
    Store,
    StoreUnavailable,
    Sweeps,
)

__all__ = [
    "BACKENDS",
    "BUILT_IN",
    "AtRest",
    "Backend",
    "Clock",
    "ConfigurationError",
    "Fields",
    "ListsSessions",
    "Record",
    "Session",
    "SessionGone",
    "SessionTooLarge",
    "ShowsRecords",
    "Store",
    "StoreInterface",
    "StoreUnavailable",
    "Sweeps",
    "backend_of",
    "init_app",
    "interface_of",
]

BUILT_IN = {
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
            at_rest=None,
            check=None,
        ),
        Backend(
            name="filesystem",
            title="Filesystem",
            install=filesystem.install,
            several_processes=True,
            several_servers="no",
            survives_restart="yes",
            file_per_session=True,
        ),
        Backend(
            name="redis",
            title="Redis",
            install=redis.install,
            several_processes=True,
            several_servers="yes",
            survives_restart="yes, as far as Redis persists",
            needs="Redis",
        ),
        Backend(
            name="flask-session-filesystem",
            title="Flask-Session, filesystem",
            install=reference.install_filesystem,
            several_processes=True,
            several_servers="no",
            survives_restart="yes",
            file_per_session=True,
            reference=True,
            at_rest=reference.at_rest_filesystem,
            check=reference.check,
        ),
        Backend(
            name="flask-session-redis",
            title="Flask-Session, Redis",
            install=reference.install_redis,
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


class Backends(UserDict[str, Backend]):
    """Every backend by its name: the built-in ones, then those that installed packages bring.

    It is filled when it is first asked, so that a package may import this one while it registers.
    Raises `ConfigurationError` when asked, each time, where a package brings what cannot be used.
    """

    def __init__(self) -> None:
        """Fill nothing yet."""

    @cached_property
    def data(self) -> dict[str, Backend]:  # type: ignore[override]
        return {**BUILT_IN, **installed_backends(BUILT_IN)}


BACKENDS = Backends()


def init_app(app: Flask, backend: str | None = None, clock: Clock = time.time) -> None:
    """Install the backend of that name, or of `app.config["SESSION_BACKEND"]`.

    Raises `ConfigurationError` for an unknown name and for settings that the backend cannot use.
    """
    name = backend or str(app.config.get("SESSION_BACKEND"))
    if name not in BACKENDS:
        raise ConfigurationError(
            f"SESSION_BACKEND={name} is not known. Choose one of: {', '.join(BACKENDS)}."
        )
    chosen = BACKENDS[name]
    app.session_interface = chosen.install(app, clock)
    app.extensions["session_backend"] = chosen


def backend_of(app: Flask) -> Backend:
    """The backend that `init_app` installed. Raises `KeyError` where it installed none."""
    backend: Backend = app.extensions["session_backend"]
    return backend


def interface_of(app: Flask) -> StoreInterface:
    """The interface of a backend of ours that has a store. Raises `TypeError` for any other."""
    if not isinstance(app.session_interface, StoreInterface):
        raise TypeError(f"{type(app.session_interface).__name__} has no store of ours")
    return app.session_interface
