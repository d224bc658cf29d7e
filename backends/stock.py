"""Flask's own session and Flask-Session as they ship, to compare the other backends with."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface, SessionInterface, SessionMixin

from backends.probe import PROBE_SECONDS
from backends.settings import ConfigurationError, idle_seconds, session_folder, unwritable_folder
from backends.store import AtRest, Clock, StoreUnavailable, call_before

# Libraries are imported where they are used: on Flask's own session none of them is loaded.

UNSUPPORTED_SCHEMES = tuple(
    f"{redis}+{several}://" for redis in ("redis", "rediss") for several in ("sentinel", "cluster")
)


def install_cookie(_app: Flask, _clock: Clock) -> SessionInterface:
    """Install what Flask has by default."""
    return SecureCookieSessionInterface()


def install_filesystem(app: Flask, _clock: Clock) -> SessionInterface:
    """Install `SESSION_TYPE = "cachelib"` on files, as Flask-Session documents it."""
    from cachelib.file import FileSystemCache

    folder = session_folder(app)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _try_to_write(folder)  # cachelib would log the failure with its traceback, and go on
        cache = FileSystemCache(threshold=500, cache_dir=str(folder))
    except OSError as error:
        raise unwritable_folder(folder, error) from error
    app.config["SESSION_CACHELIB"] = cache
    return _install(app, "cachelib")


def install_redis(app: Flask, _clock: Clock) -> SessionInterface:
    """Install `SESSION_TYPE = "redis"` with a client, as Flask-Session documents it."""
    from redis import Redis

    from backends.redis_access.client import client_of

    if str(app.config.get("REDIS_URL")).startswith(UNSUPPORTED_SCHEMES):
        raise ConfigurationError(
            "REDIS_URL names several servers, which Flask-Session would replace by localhost. "
            "Choose SESSION_BACKEND=redis."
        )
    app.config["SESSION_REDIS"] = client_of(app, Redis.from_url)
    return _install(app, "redis")


def at_rest_filesystem(app: Flask, session: SessionMixin) -> AtRest | None:
    """The session's pickle, whose file name is the MD5 or SHA-256 of its id."""
    interface: Any = app.session_interface
    store_id = _store_id(interface, session)
    path, values = Path(interface.cache._get_filename(store_id)), interface.cache.get(store_id)
    if values is None:
        return None
    status = path.stat()
    ttl = status.st_mtime + idle_seconds(app) - time.time()
    return AtRest(path.name, status.st_size, ttl, _texts(values))


def at_rest_redis(app: Flask, session: SessionMixin) -> AtRest | None:
    """The session's value. Its key is a working token, so it is masked."""
    interface: Any = app.session_interface
    key = _store_id(interface, session)
    packed = interface.client.get(key)
    if packed is None:
        return None
    where = f"{key[: len(interface.key_prefix) + 4]}… (the token itself)"
    values = interface.serializer.decode(packed)
    return AtRest(where, len(packed), interface.client.pttl(key) / 1000, _texts(values))


def check_filesystem(app: Flask) -> None:
    """Load a session that nobody has, and write a file. Raises `StoreUnavailable` if that fails.

    A session that is written could end another one: see the threshold.
    """
    interface: Any = app.session_interface
    try:
        interface._retrieve_session_data(_store_id_of(interface, "readyz"))
        _try_to_write(Path(interface.cache._path))
    except OSError as error:
        raise StoreUnavailable(str(error)) from error


def _try_to_write(folder: Path) -> None:
    """Write what cachelib writes first, and takes for no session. Raises `OSError`."""
    with NamedTemporaryFile(dir=folder, suffix=".__wz_cache") as file:
        file.write(b"1")


def check_redis(app: Flask) -> None:
    """Load, write and delete a session that nobody has. Raises `StoreUnavailable` if that fails."""
    from redis.exceptions import RedisError

    from backends.redis_access.answers import UNFORESEEN, explain

    interface: Any = app.session_interface
    key = _store_id_of(interface, "readyz")
    try:
        interface._retrieve_session_data(key)
        interface.client.set(key, b"", ex=PROBE_SECONDS)
        interface.client.delete(key)
    except (RedisError, OSError, *UNFORESEEN) as error:
        raise StoreUnavailable(explain(error)) from error


def watch(app: Flask, note: Callable[[str], None]) -> None:
    """Call `note` with what Flask-Session asks its store."""
    interface: Any = app.session_interface
    for method, word in (
        ("_retrieve_session_data", "read"),
        ("_upsert_session", "write all"),
        ("_delete_session", "delete"),
    ):
        call_before(interface, method, partial(note, word))


def _store_id(interface: Any, session: Any) -> str:
    return _store_id_of(interface, session.sid)


def _store_id_of(interface: Any, session_id: str) -> str:
    """The key of a session, with the prefix that an ACL may ask for."""
    return str(interface._get_store_id(session_id))


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: repr(value) for name, value in values.items()}


def _install(app: Flask, session_type: str) -> SessionInterface:
    from flask_session import Session

    app.config["SESSION_TYPE"] = session_type
    Session(app)
    return app.session_interface
