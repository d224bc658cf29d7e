"""The backends: their names, what each can do, and how one is installed."""

import re
from collections import UserDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from importlib.metadata import EntryPoint, entry_points
from pkgutil import resolve_name
from typing import Any

from flask import Flask
from flask.sessions import SessionInterface
from werkzeug.local import LocalProxy

from backends.http.cookies import check_attributes
from backends.http.refusal import tell_asynchronous_functions
from backends.server_side import StoreInterface
from backends.settings import ConfigurationError, check_cookie_name, missing_extra
from backends.store import AtRest, Clock, ListsSessions, call_before, wall_clock

GROUP = "session_lab.backends"

EXTENSION = "session_backend"  # the one key in `app.extensions`; it holds a `Backend`

NAME = re.compile(r"[a-z][a-z0-9-]*")
"""A backend's name is a part of addresses and of cookies' names."""


def _at_rest(app: Flask, session: Any) -> AtRest | None:
    interface = app.session_interface
    return interface.at_rest(session) if isinstance(interface, StoreInterface) else None


ASKED = {
    "load": "read",
    "create": "write new",
    "update": "change",
    "update_loaded": "change",
    "touch": "prolong",
    "delete": "delete",
}
"""A store's methods in words, for people who watch."""


def _watch(app: Flask, note: Callable[[str], None]) -> None:
    interface = app.session_interface
    if isinstance(interface, StoreInterface):
        for method, word in ASKED.items():
            if hasattr(interface.store, method):
                call_before(interface.store, method, partial(note, word))


def _check(app: Flask) -> None:
    if isinstance(app.session_interface, StoreInterface):
        app.session_interface.probe.check()


def find_risk(app: Flask) -> str | None:
    """How the application's sessions may be lost, in one line; `None` if nothing is known.

    Raises `StoreUnavailable`.
    """
    interface = app.session_interface
    return interface.probe.find_risk() if isinstance(interface, StoreInterface) else None


@dataclass(frozen=True)
class Backend:
    """One choice for `SESSION_BACKEND`: how to install it, and what it can do.

    The defaults are true of any `Store` and promise nothing that a store must be built for.
    Raises `ValueError` for a name that does not match `NAME`.
    """

    name: str
    """Small letters, digits and hyphens, a letter first."""
    title: str
    install: Callable[[Flask, Clock], SessionInterface]
    """Returns the interface for `app.config`, or raises `ConfigurationError`."""
    state: str = "server"
    """Where the session's data is stored: `browser` or `server`."""
    readable: bool = False
    """Whether the browser's owner can read the data."""
    revocable: bool = True
    """Whether the server can end a session, so that copies of its token stop working."""
    several_processes: bool = False
    several_servers: str = "no"
    survives_restart: str = "no"
    needs: str | None = None
    """The service that it needs to run."""
    on_disk: bool = False
    """Whether it keeps its sessions in `SESSION_FILE_DIR`."""
    file_per_session: bool = False
    """Whether each session is a file there."""
    stock: bool = False
    """Whether it is Flask's own session or Flask-Session as it ships, for comparison."""
    note: str = ""
    """What sets it apart from the one that it is compared with, in sentences for a page."""
    at_rest: Callable[[Flask, Any], AtRest | None] | None = _at_rest
    """Returns the session's record on the server; `None` if the server has none."""
    watch: Callable[[Flask, Callable[[str], None]], None] | None = _watch
    """Calls back with what the store is asked, in a word each time; `None` without a store."""
    check: Callable[[Flask], None] | None = _check
    """Raises `StoreUnavailable` if a login would fail in the store; `None` without a store."""

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
    """The backends that installed packages register, sorted by name.

    Raises `ConfigurationError` with one line for the first that is unusable: its name is taken, its
    object is no `Backend` of that name, or its module cannot be imported.
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
    except Exception as error:  # the package's own code may raise anything
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
    """The function at `module:name`, whose module is imported at the first call."""
    # The libraries of all backends would cost 0.4 seconds of each start.
    return lambda *args: resolve_name(target)(*args)


def _with_extra(extra: str, target: str) -> Callable[..., Any]:
    """As `_late`, for a backend whose libraries come with an extra of this package.

    The function raises `ConfigurationError` where they are not installed.
    """

    def install(app: Flask, clock: Clock) -> SessionInterface:
        try:
            interface: SessionInterface = resolve_name(target)(app, clock)
        except ImportError as error:
            raise missing_extra("The session backend", extra, error) from error
        return interface

    return install


_COOKIE = Backend(
    name="cookie",
    title="Signed cookie",
    install=_late("backends.cookie:SignedCookieInterface"),
    state="browser",
    readable=True,
    revocable=False,
    several_processes=True,
    several_servers="yes, with the same key",
    survives_restart="yes",
    at_rest=None,
    watch=None,
    check=None,
)
_ENCRYPTED_COOKIE = replace(
    _COOKIE,
    name="encrypted-cookie",
    title="Encrypted cookie",
    install=_with_extra("encrypted", "backends.encrypted_cookie:EncryptedCookieInterface"),
    readable=False,
)
_FILESYSTEM = Backend(
    name="filesystem",
    title="Filesystem",
    install=_late("backends.filesystem:install"),
    several_processes=True,
    survives_restart="yes",
    on_disk=True,
    file_per_session=True,
)
_SQLITE = Backend(
    name="sqlite",
    title="SQLite",
    install=_late("backends.sqlite:install"),
    several_processes=True,
    survives_restart="yes",
    on_disk=True,
)
_REDIS = Backend(
    name="redis",
    title="Redis",
    install=_with_extra("redis", "backends.redis:install"),
    several_processes=True,
    several_servers="yes",
    survives_restart="yes, as far as Redis persists",
    needs="Redis",
)
_STOCK_COOKIE = replace(
    _COOKIE,
    name="flask-cookie",
    title="Flask, signed cookie",
    install=_late("backends.stock:install_cookie"),
    stock=True,
    note="Flask’s own session has no id and no time limit of its own: a copy of the cookie works "
    "for as long as somebody uses it. What is too large for a cookie is lost without an error. No "
    "setting changes that.",
)
_STOCK_FILESYSTEM = replace(
    _FILESYSTEM,
    name="flask-session-filesystem",
    title="Flask-Session, filesystem",
    install=_with_extra("app", "backends.stock:install_filesystem"),
    stock=True,
    note="Flask-Session 0.8.0 writes the whole session back, so that of two changes at once one is "
    "lost, and keeps its id at the login: call app.session_interface.regenerate(session) there. "
    "The file is a pickle, and the 501st session ends another one, unless threshold is raised.",
    at_rest=_late("backends.stock:at_rest_filesystem"),
    watch=_late("backends.stock:watch"),
    check=_late("backends.stock:check_filesystem"),
)
_STOCK_REDIS = replace(
    _REDIS,
    name="flask-session-redis",
    title="Flask-Session, Redis",
    install=_with_extra("app", "backends.stock:install_redis"),
    stock=True,
    note="Flask-Session 0.8.0 writes the whole session back, so that of two changes at once one is "
    "lost, and keeps its id at the login: call app.session_interface.regenerate(session) there. "
    "The key in Redis is the working token itself: who copies the store has every login.",
    at_rest=_late("backends.stock:at_rest_redis"),
    watch=_late("backends.stock:watch"),
    check=_late("backends.stock:check_redis"),
)

BUILT_IN = {
    backend.name: backend
    for backend in (
        _COOKIE,
        _ENCRYPTED_COOKIE,
        _FILESYSTEM,
        _SQLITE,
        _REDIS,
        _STOCK_COOKIE,
        _STOCK_FILESYSTEM,
        _STOCK_REDIS,
    )
}


class Backends(UserDict[str, Backend]):
    """All backends by name: the built-in ones, then those of installed packages.

    It is filled at its first use, so that a package may import this one while it registers.
    Each use raises `ConfigurationError` while a package registers an unusable backend.
    """

    def __init__(self) -> None:
        """Leave `data` to its first use."""

    @cached_property
    def data(self) -> dict[str, Backend]:  # type: ignore[override]
        return {**BUILT_IN, **installed_backends(BUILT_IN)}


BACKENDS = Backends()


def init_app(app: Flask, backend: str | None = None, clock: Clock = wall_clock) -> None:
    """Install the backend of this name, or of `app.config["SESSION_BACKEND"]`.

    Raises `ConfigurationError` for an unknown name and for invalid settings.
    """
    if isinstance(app, LocalProxy):  # `current_app`, which is another application later
        app = app._get_current_object()
    name = backend or str(app.config.get("SESSION_BACKEND"))
    if name not in BACKENDS:
        raise ConfigurationError(
            f"SESSION_BACKEND={name} is not known. Choose one of: {', '.join(BACKENDS)}."
        )
    chosen = BACKENDS[name]
    if chosen.stock and app.config.get("SESSION_MIGRATE_FROM"):
        raise ConfigurationError(
            f"SESSION_MIGRATE_FROM is set, and {name} takes over no sessions. Choose one of: "
            f"{', '.join(each.name for each in BACKENDS.values() if not each.stock)}."
        )
    check_cookie_name(app)
    interface = chosen.install(app, clock)
    check_attributes(interface, app)
    _check_move(interface, app)
    app.session_interface = interface
    if not chosen.stock:
        tell_asynchronous_functions(app)
    app.extensions[EXTENSION] = chosen


def _check_move(interface: SessionInterface, app: Flask) -> None:
    """Raise `ConfigurationError` for a move between two stores of ours with one prefix.

    Their tokens look alike, so that an old one would be taken for that of an ended session.
    """
    before: Any = app.config.get("SESSION_MIGRATE_FROM")
    if not isinstance(interface, StoreInterface) or interface.migration is None:
        return
    if isinstance(before, StoreInterface) and interface.key_prefix == before.key_prefix:
        raise ConfigurationError(
            "SESSION_MIGRATE_FROM is a backend of this package with the same SESSION_KEY_PREFIX, "
            "so that nobody would be moved: give the new one another, such as 'moved:'."
        )


def backend_of(app: Flask) -> Backend:
    """The backend that `init_app` installed. Raises `KeyError` if it installed none."""
    backend: Backend = app.extensions[EXTENSION]
    return backend


def find_backend(app: Flask) -> Backend | None:
    """The backend that `init_app` installed, if it installed one."""
    return app.extensions.get(EXTENSION)


def lister_of(app: Flask) -> StoreInterface | None:
    """The interface that lists and ends users' sessions; `None` if the backend cannot."""
    interface = app.session_interface
    if isinstance(interface, StoreInterface) and isinstance(interface.store, ListsSessions):
        return interface
    return None


def interface_of(app: Flask) -> StoreInterface:
    """The application's interface to a store. Raises `TypeError` if it has none."""
    if not isinstance(app.session_interface, StoreInterface):
        raise TypeError(f"{type(app.session_interface).__name__} has no store")
    return app.session_interface
