"""The sessions of the interface that an application had before."""

import logging
import pickle  # only for the name of its error: nothing is read by it here
import re
import secrets
from collections.abc import Callable
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from flask import Flask, Request
from flask.sessions import SecureCookieSessionInterface, SessionInterface
from itsdangerous import BadData
from werkzeug.exceptions import HTTPException

from backends.loaded_session import PERMANENT_KEY
from backends.settings import ConfigurationError, missing_extra
from backends.store import StoreUnavailable
from backends.timing.throttle import Throttle

logger = logging.getLogger(__name__)

DAMAGE = (
    *(ValueError, TypeError, LookupError, AttributeError, EOFError, ImportError, RecursionError),
    *(OverflowError, MemoryError),  # for a length that damage has made
    *(BadData, msgspec.MsgspecError, pickle.PickleError),
)
"""What reading raises if the old session itself is at fault; any other error is an outage."""

PICKLE_NAME = "flask-session-pickle"

TYPES = ("redis", "filesystem", "cachelib")
"""Those of Flask-Session's `SESSION_TYPE` that are tried here."""

UUID_LENGTH = len(str(UUID(int=0)))
"""Characters of the ids that Flask-Session made before 0.6."""


class OldSession(NamedTuple):
    """One session as the old interface has it."""

    values: dict[str, Any]
    delete: Callable[[], None]
    """Ends it there, where it is a record; a cookie stays valid."""


class OldSessions:
    """What an interface that was used before can still open."""

    def __init__(self, interface: SessionInterface, source: str) -> None:
        self._interface = interface
        self.source = source
        """Its name in the log."""
        self.has_unique_tokens = not isinstance(interface, SecureCookieSessionInterface)
        """Whether no two visitors have the same token."""
        self._log = Throttle()

    def cookie_name(self, app: Flask) -> str:
        """The name of its cookie."""
        return self._interface.get_cookie_name(app)

    def can_have_issued(self, app: Flask, token: str) -> bool:
        """Whether the token looks like one of its own, so that it is worth asking."""
        return True

    def find(self, app: Flask, request: Request, token: str) -> OldSession | None:
        """The session of the token; `None` if it knows none, or one with nothing in it.

        Raises `StoreUnavailable` for a failure that says nothing of the session.
        """
        alone = self._request_with(app, request, token)
        try:
            session: Any = self._interface.open_session(app, alone)
            values = dict(session or {})
        except HTTPException:
            raise
        except DAMAGE as error:
            self._warn("an old session cannot be read: %s", error)
            return None
        except Exception as error:  # of whatever library: redis-py's, SQLAlchemy's, an OSError
            raise self._unavailable(error) from error
        if not values.keys() - {PERMANENT_KEY}:
            return None
        return OldSession(values, partial(self._delete, app, session))

    def _request_with(self, app: Flask, request: Request, token: str) -> Request:
        """The request with this token as its only cookie."""
        # Quoted, because the quotes of a cookie that needs them were taken away.
        environ = {**request.environ, "HTTP_COOKIE": f'{self.cookie_name(app)}="{token}"'}
        return type(request)(environ, populate_request=False)

    def _delete(self, app: Flask, session: Any) -> None:
        # Each interface ends a session that was emptied, when it saves it. What it tells the
        # browser is for nobody: the answer takes the new cookie.
        try:
            session.clear()
            session.modified = True
            self._interface.save_session(app, session, app.response_class())
        except Exception as error:  # the mark of the move keeps it from being opened again
            self._warn("an old session stays where it was: %s", error)

    def _warn(self, text: str, error: Exception) -> None:
        if self._log.admit() is not None:
            logger.warning(f"SESSION_MIGRATE_FROM={self.source}: {text}", _describe(error))

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        unavailable = StoreUnavailable(f"the sessions of {self.source}: {_describe(error)}")
        if self._log.admit() is not None:
            logger.error("%s", unavailable)
        return unavailable


class FlaskSessionRecords(OldSessions):
    """The records of Flask-Session, whose token is an id."""

    _interface: Any  # of a class that is imported only where it is used

    def can_have_issued(self, app: Flask, token: str) -> bool:
        if self._interface.use_signer:
            try:
                self._interface._unsign(app, token)
            except (BadData, UnicodeError):
                return False
            return True
        lengths = {len(secrets.token_urlsafe(self._interface.sid_length)), UUID_LENGTH}
        return len(token) in lengths and re.fullmatch(r"[\w-]+", token, re.ASCII) is not None

    def find(self, app: Flask, request: Request, token: str) -> OldSession | None:
        cache = getattr(self._interface, "cache", None)
        if cache is not None:
            self._check_file(app, cache, token)
        return super().find(app, request, token)

    def _check_file(self, app: Flask, cache: Any, token: str) -> None:
        """Raise `StoreUnavailable` for a file that cachelib would take for no session."""
        path = getattr(cache, "_get_filename", None)
        if path is None:
            return
        session_id = self._interface._unsign(app, token) if self._interface.use_signer else token
        try:
            Path(path(self._interface._get_store_id(session_id))).open("rb").close()
        except FileNotFoundError:
            pass
        except OSError as error:
            raise self._unavailable(error) from error


class NoPickle:
    """Decodes what Flask-Session 0.7 and later write, but none of its pickles.

    Flask-Session's own serializer takes what is neither msgpack nor JSON for a pickle: whoever can
    write into the store runs code in the application (OWASP ASVS 5.0, 1.5.2).
    """

    def decode(self, data: bytes) -> Any:
        """The values. Raises `ValueError`."""
        for decode in (msgspec.msgpack.decode, msgspec.json.decode):
            try:
                return decode(data)
            except msgspec.DecodeError:
                continue
        raise ValueError(
            f"it is neither msgpack nor JSON; pickles are read with {PICKLE_NAME} only"
        )


def find_old_sessions(app: Flask, source: str | SessionInterface) -> OldSessions:
    """The sessions of `SESSION_MIGRATE_FROM`. Raises `ConfigurationError`."""
    if source == "flask":
        before = app.session_interface
        is_flasks = isinstance(before, SecureCookieSessionInterface)
        return OldSessions(before if is_flasks else SecureCookieSessionInterface(), source)
    if source in ("flask-session", PICKLE_NAME):
        return _open_records(_flask_session_interface(app), source, source == PICKLE_NAME)
    if isinstance(source, str) or not isinstance(source, SessionInterface):
        raise ConfigurationError(
            f"SESSION_MIGRATE_FROM={source!r} is not known. Give flask, flask-session, "
            f"{PICKLE_NAME}, or the session interface itself."
        )
    if hasattr(source, "_get_store_id"):
        return _open_records(source, type(source).__name__, False)
    return OldSessions(source, type(source).__name__)


def _open_records(interface: Any, source: str, reads_pickle: bool) -> OldSessions:
    if not reads_pickle:
        if hasattr(interface, "cache"):
            raise ConfigurationError(
                "SESSION_MIGRATE_FROM: Flask-Session keeps pickles there, and to read one is to "
                "run what it says. If nobody else can write there, set "
                f"SESSION_MIGRATE_FROM={PICKLE_NAME}."
            )
        interface = copy(interface)
        interface.serializer = NoPickle()
    return FlaskSessionRecords(interface, source)


def _flask_session_interface(app: Flask) -> Any:
    """What `flask_session.Session(app)` installed before, or would install."""
    try:
        from flask_session import Session
        from flask_session.base import ServerSideSessionInterface
    except ImportError:
        raise ConfigurationError(
            "SESSION_MIGRATE_FROM names Flask-Session, which is not installed in a version that "
            "can be read: pip install 'flask-session>=0.8'."
        ) from None
    if isinstance(app.session_interface, ServerSideSessionInterface):
        return app.session_interface
    kind = str(app.config.get("SESSION_TYPE") or "")
    if kind not in TYPES:
        raise ConfigurationError(
            f"SESSION_TYPE={kind!r}: to move from Flask-Session, keep its settings; known are "
            f"{', '.join(TYPES)}. For another, give the interface as SESSION_MIGRATE_FROM."
        )
    # An application of its own, because Flask-Session registers commands and functions.
    stand_in = Flask(app.name, root_path=app.root_path)
    stand_in.config.update(app.config)
    if kind == "redis" and not app.config.get("SESSION_REDIS"):
        stand_in.config["SESSION_REDIS"] = _connect_redis(app)
    Session(stand_in)
    return stand_in.session_interface


def _connect_redis(app: Flask) -> Any:
    try:
        from backends.redis_access.client import client_of, connect
    except ImportError as error:
        raise missing_extra("The Redis of SESSION_MIGRATE_FROM", "redis", error) from error
    return client_of(app, connect)


def _describe(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
