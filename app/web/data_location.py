"""Where a page's data is stored and how many bytes it adds to each request."""

from typing import NamedTuple

from flask import current_app, request

from app.web.plain_cookies import PlainCookie, encoded
from backends import backend_of


class DataLocation(NamedTuple):
    """One piece of data and the cookie that carries it, or that carries the token to it."""

    what: str
    state: str
    """Where the data itself is stored: `browser` or `server`."""
    readable: bool
    """Whether the browser's owner can read it there."""
    in_session: bool
    cookie: str
    cookie_bytes: int
    """That cookie in the `Cookie` header of every request: name, `=`, value; 0 where it is unset.

    For a session it is the whole session's cookie.
    """


def locate_plain_cookie(cookie: PlainCookie, value: str | None = None) -> DataLocation:
    """Data in a plain cookie: as it was sent, or as this response sets it (`value`)."""
    text = request.cookies.get(cookie.name, "") if value is None else encoded(value)
    return DataLocation(
        str(cookie.what), "browser", True, False, cookie.name, _size(cookie.name, text)
    )


def locate_in_session(what: str) -> DataLocation:
    """Data in the session, on this application's backend."""
    name = current_app.config["SESSION_COOKIE_NAME"]
    text = request.cookies.get(name, "")
    backend = backend_of(current_app)
    return DataLocation(what, backend.state, backend.readable, True, name, _size(name, text))


def _size(name: str, value: str) -> int:
    return len(f"{name}={value}") if value else 0
