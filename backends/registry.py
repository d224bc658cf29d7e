"""Which backends there are, what each can do, and how one is installed into an application."""

import re
import time
from collections import UserDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.metadata import EntryPoint, entry_points
from pkgutil import resolve_name
from typing import Any

from flask import Flask
from flask.sessions import SessionInterface

from backends.server_side import StoreInterface
from backends.settings import ConfigurationError
from backends.store import AtRest, Clock, ListsSessions, key_of

GROUP = "session_lab.backends"

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


def installed_backends(built_in: Mapping[str, Backend]) -> dict[str, Backend]:
    """What installed packages register, by name, in the order of their names.

    Raises `ConfigurationError` with one line for the first that cannot be offered: its name is
    taken, its object is no `Backend` of that name, its module cannot be imported.
    """
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        if point.name in built_in:
            raise _unusable(point, "a built-in one has that name")
        if point.name in found:
            raise _unusable(point, f"{_package(found[point.name])} brings one of that name too")
        found[point.name] = point
    return {name: _backend(found[name]) for name in sorted(found)}


def _backend(point: EntryPoint) -> Backend:
    try:
        backend = point.load()
    except Exception as error:  # the package's own code raises whatever it likes
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise _unusable(point, f"loading it failed with {reason}") from error
    if not isinstance(backend, Backend):
        raise _unusable(point, f"it is no backends.Backend, but of type {type(backend).__name__}")
    if backend.name != point.name:
        raise _unusable(point, f"it calls itself {backend.name!r}")
    return backend


def _unusable(point: EntryPoint, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"The package {_package(point)} registers {point.value} as the session backend "
        f"{point.name!r}, which cannot be used: {reason}. Repair or uninstall that package."
    )


def _package(point: EntryPoint) -> str:
    assert point.dist is not None  # found by `entry_points`, it has one
    return point.dist.name


def _late(target: str) -> Callable[..., Any]:
    """The function at `module:name`. Its module is imported when the function is called.

    An application on one backend does not load the libraries of the others: redis and
    Flask-Session cost 0.4 seconds of a start.
    """
    return partial(_call, target)


def _call(target: str, *args: Any) -> Any:
    return resolve_name(target)(*args)


BUILT_IN = {
    backend.name: backend
    for backend in (
        Backend(
            name="cookie",
            title="Signed cookie",
            install=_late("backends.cookie:CookieInterface"),
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
            install=_late("backends.filesystem:install"),
            several_processes=True,
            several_servers="no",
            survives_restart="yes",
            file_per_session=True,
        ),
        Backend(
            name="redis",
            title="Redis",
            install=_late("backends.redis:install"),
            several_processes=True,
            several_servers="yes",
            survives_restart="yes, as far as Redis persists",
            needs="Redis",
        ),
        Backend(
            name="flask-session-filesystem",
            title="Flask-Session, filesystem",
            install=_late("backends.stock:install_filesystem"),
            several_processes=True,
            several_servers="no",
            survives_restart="yes",
            file_per_session=True,
            reference=True,
            at_rest=_late("backends.stock:at_rest_filesystem"),
            check=_late("backends.stock:check"),
        ),
        Backend(
            name="flask-session-redis",
            title="Flask-Session, Redis",
            install=_late("backends.stock:install_redis"),
            several_processes=True,
            several_servers="yes",
            survives_restart="yes, as far as Redis persists",
            needs="Redis",
            reference=True,
            at_rest=_late("backends.stock:at_rest_redis"),
            check=_late("backends.stock:check"),
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


def lister_of(app: Flask) -> StoreInterface | None:
    """The interface that lists and ends users' sessions; `None` where nobody can list them."""
    interface = app.session_interface
    if isinstance(interface, StoreInterface) and isinstance(interface.store, ListsSessions):
        return interface
    return None


def interface_of(app: Flask) -> StoreInterface:
    """The interface of a backend of ours that has a store. Raises `TypeError` for any other."""
    if not isinstance(app.session_interface, StoreInterface):
        raise TypeError(f"{type(app.session_interface).__name__} has no store of ours")
    return app.session_interface
