"""What a subject is like, as far as a claim depends on it."""

from collections.abc import Callable
from typing import NamedTuple

from backends import Backend

Ability = Callable[[Backend], bool]
"""Whether a backend is like that."""


def in_browser(backend: Backend) -> bool:
    """The browser holds the whole session: the server has nothing to compare it with."""
    return backend.state == "browser"


def on_server(backend: Backend) -> bool:
    """The browser holds a token, and the server the session."""
    return backend.state == "server"


def readable(backend: Backend) -> bool:
    """Anybody who has the cookie can read the session."""
    return backend.readable


def irrevocable(backend: Backend) -> bool:
    """The server cannot end a session whose token was copied."""
    return not backend.revocable


def on_one_server(backend: Backend) -> bool:
    """A second server of the application does not know the session."""
    return backend.several_servers == "no"


def as_shipped(backend: Backend) -> bool:
    """It is a package of others, as it ships, for comparison."""
    return backend.stock


def flask_as_shipped(backend: Backend) -> bool:
    """It is Flask's own session."""
    return backend.stock and in_browser(backend)


def flask_session_as_shipped(backend: Backend) -> bool:
    """It is Flask-Session, on any store."""
    return backend.stock and on_server(backend)


def flask_session_in_files(backend: Backend) -> bool:
    """It is Flask-Session on cachelib's files."""
    return flask_session_as_shipped(backend) and backend.needs is None


def flask_session_in_redis(backend: Backend) -> bool:
    """It is Flask-Session on Redis."""
    return flask_session_as_shipped(backend) and backend.on_redis


class Condition(NamedTuple):
    """What a backend must be like for a claim to apply to it."""

    is_met: Ability
    otherwise: str


IN_BROWSER = Condition(
    in_browser, "Its cookie holds no data, only an id: there is nothing in it to ask this of."
)
ON_SERVER = Condition(
    on_server, "The server stores nothing, so there is no record and no store to ask this of."
)
IN_FILES = Condition(
    lambda backend: on_server(backend) and backend.needs is None,
    "It keeps no sessions on a disk of its own.",
)
BEHIND_A_SERVICE = Condition(
    lambda backend: backend.needs is not None,
    "It asks no other server, so none can stop answering.",
)
