"""Where a page's data lies and what that costs, for the box "Where does this lie?"."""

from typing import NamedTuple

from flask import current_app, request

from app.web.plain_cookies import PlainCookie, encoded
from backends import backend_of


class Place(NamedTuple):
    """One piece of data and the cookie that carries it, or that carries the token to it."""

    what: str
    state: str
    """Where the data itself lies: `browser` or `server`."""
    in_session: bool
    cookie: str
    cookie_bytes: int
    """That cookie in the `Cookie` header of every request: name, `=`, value; 0 where it is unset.

    For a session it is the whole session's cookie.
    """


def in_plain_cookie(cookie: PlainCookie, value: str | None = None) -> Place:
    """The place of data in a plain cookie: as it was sent, or as this answer sets it (`value`)."""
    text = request.cookies.get(cookie.name, "") if value is None else encoded(value)
    return Place(cookie.what, "browser", False, cookie.name, _size(cookie.name, text))


def in_session(what: str) -> Place:
    """The place of data in the session, on this application's backend."""
    name = current_app.session_interface.get_cookie_name(current_app)
    text = request.cookies.get(name, "")
    return Place(what, backend_of(current_app).state, True, name, _size(name, text))


def _size(name: str, value: str) -> int:
    return len(f"{name}={value}") if value else 0
