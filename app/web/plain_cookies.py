"""Plain cookies: each one declared once, and the only place that reads, sets and deletes them.

They need neither a login nor a session. What comes back in one is input like any other: whoever
reads it checks it.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from flask import current_app, request
from werkzeug.wrappers import Response

from app.config import PRODUCTION

A_DAY = 24 * 3600
A_YEAR = 365 * A_DAY
"""Seconds; browsers cut anything over 400 days (RFC 6265bis, 5.5)."""


@dataclass(frozen=True)
class PlainCookie:
    """One cookie of this application that belongs to no session."""

    base_name: str
    what: str
    """What it holds, in words for a page."""
    max_age: int = A_YEAR
    """Seconds that the browser keeps it, browser restarts included."""
    readable_by_script: bool = False

    @property
    def name(self) -> str:
        """As the browser knows it; in production `__Host-` keeps sibling hosts from planting it.

        A cookie for scripts goes by its plain name, for they look for that.
        """
        is_prefixed = current_app.config["APP_PROFILE"] == PRODUCTION
        prefix = "__Host-" if is_prefixed and not self.readable_by_script else ""
        return f"{prefix}{self.base_name}"


THEME = PlainCookie("theme", "Theme", readable_by_script=True)
LANGUAGE = PlainCookie("language", "Language")
CURRENCY = PlainCookie("currency", "Currency")
LAYOUT = PlainCookie("layout", "Layout")
READ_ARTICLES = PlainCookie("read_articles", "Recently read articles", max_age=90 * A_DAY)
GUEST_CART = PlainCookie("guest_cart", "Your cart as a guest", max_age=30 * A_DAY)
REMEMBERED_NAME = PlainCookie("remembered_name", "Your name for the login", max_age=30 * A_DAY)


def read_plain(cookie: PlainCookie) -> str:
    """The value that the browser sent, checked by nobody; empty where it sent none."""
    return unquote(request.cookies.get(cookie.name, ""))


def set_plain(response: Response, cookie: PlainCookie, value: str) -> None:
    """Have the browser keep `value` (RFC 6265bis, 4.1.1: only characters a cookie may hold)."""
    response.set_cookie(cookie.name, encoded(value), max_age=cookie.max_age, **_attributes(cookie))


def delete_plain(response: Response, cookie: PlainCookie) -> None:
    """Have the browser forget it; says nothing to a browser that did not send it.

    A browser obeys only with the attributes that the cookie was set with.
    """
    if cookie.name in request.cookies:
        response.delete_cookie(cookie.name, **_attributes(cookie))


def encoded(value: str) -> str:
    """The value as it travels."""
    return quote(value, safe=":")


def _attributes(cookie: PlainCookie) -> dict[str, Any]:
    return {
        "path": "/",
        "secure": current_app.config["APP_PROFILE"] == PRODUCTION,
        "httponly": not cookie.readable_by_script,
        "samesite": "Lax",
    }
