"""Where a page's data is stored and how many bytes it adds to each request."""

from typing import NamedTuple

from flask import current_app, request

from app.web.plain_cookies import PlainCookie, encoded


class DataLocation(NamedTuple):
    """One piece of data and the cookie that carries it, or that carries the token to it."""

    what: str
    in_session: bool
    """Whether the backend decides where it is, and who can read it."""
    cookie: str
    cookie_bytes: int
    """That cookie in the `Cookie` header of every request: name, `=`, value; 0 where it is unset.

    For a session it is the whole session's cookie.
    """


def locate_plain_cookie(cookie: PlainCookie, value: str | None = None) -> DataLocation:
    """Data in a plain cookie: as it was sent, or as this response sets it (`value`)."""
    text = request.cookies.get(cookie.name, "") if value is None else encoded(value)
    return DataLocation(str(cookie.what), False, cookie.name, _size(cookie.name, text))


def locate_in_session(what: str) -> DataLocation:
    """Data in the session, on this application's backend."""
    name = current_app.config["SESSION_COOKIE_NAME"]
    return DataLocation(what, True, name, _size(name, request.cookies.get(name, "")))


def _size(name: str, value: str) -> int:
    return len(f"{name}={value}") if value else 0
