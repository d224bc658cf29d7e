"""What a backend says of itself: how it is installed, and what it can and cannot do."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.sessions import SessionInterface

from backends.interface import StoreInterface, key_of
from backends.store import AtRest, Clock

NAME = re.compile(r"[a-z][a-z0-9-]*")
"""A backend's name stands in addresses, in cookies' names and in the environment as it is."""


def _at_rest(app: Flask, session: Any) -> AtRest | None:
    interface = app.session_interface
    return interface.at_rest(session) if isinstance(interface, StoreInterface) else None


def _check(app: Flask) -> None:
    if isinstance(app.session_interface, StoreInterface):
        app.session_interface.store.load(key_of(""))


@dataclass(frozen=True)
class Backend:
    """One choice for `SESSION_BACKEND`: how it is installed, and what it can and cannot do.

    What is left out is said of a `Store` in general, and promises nothing that a store has to be
    built for. Raises `ValueError` for a name that is not made of `NAME`.
    """

    name: str
    """Small letters, digits and hyphens, a letter first."""
    title: str
    install: Callable[[Flask, Clock], SessionInterface]
    """Reads `app.config`, gives the interface; raises `ConfigurationError` with one line."""
    state: str = "server"
    """Where the session's data lies: `browser` or `server`."""
    readable: bool = False
    """Whether the browser's owner can read the data."""
    revocable: bool = True
    """Whether the server can end a session, so that a copied token is dead."""
    several_processes: bool = False
    several_servers: str = "no"
    survives_restart: str = "no"
    needs: str | None = None
    """The service without which it does not run."""
    file_per_session: bool = False
    """Whether each session is a file of its own below `SESSION_FILE_DIR`."""
    reference: bool = False
    """Whether it is there for comparison: Flask-Session as it ships."""
    at_rest: Callable[[Flask, Any], AtRest | None] | None = _at_rest
    """Shows what the server holds of a session; `None` where it holds nothing."""
    check: Callable[[Flask], None] | None = _check
    """Asks the store for nobody's session and raises `StoreUnavailable`; `None` without a store."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(
                f"a backend cannot be called {self.name!r}: "
                "take small letters, digits and hyphens, a letter first"
            )

    @property
    def on_redis(self) -> bool:
        """Whether the service it needs is Redis, which can also be embedded."""
        return self.needs == "Redis"
