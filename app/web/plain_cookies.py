"""The plain cookies, which need no login and no session: read, set and delete them.

A value that comes back is untrusted input: the caller checks it.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from flask import current_app, request
from flask_babel.speaklater import LazyString
from werkzeug.wrappers import Response

from app.config import PRODUCTION
from app.languages.texts import lazy_gettext

A_DAY = 24 * 3600
A_YEAR = 365 * A_DAY
"""Seconds; browsers cut anything over 400 days (RFC 6265bis, 5.5)."""


@dataclass(frozen=True, eq=False)  # a hash of its text would depend on the language
class PlainCookie:
    """One cookie of this application that belongs to no session."""

    base_name: str
    what: LazyString
    """What the cookie holds, in words for a page."""
    max_age: int = A_YEAR
    """Seconds that the browser keeps it, browser restarts included."""
    readable_by_script: bool = False

    @property
    def name(self) -> str:
        """The name in the browser; in production `__Host-` keeps sibling hosts from setting it.

        A cookie for scripts has no prefix, because scripts look for its plain name.
        """
        production = current_app.config["APP_PROFILE"] == PRODUCTION
        is_prefixed = production and not self.readable_by_script
        return f"__Host-{self.base_name}" if is_prefixed else self.base_name


THEME = PlainCookie("theme", lazy_gettext("Theme"), readable_by_script=True)
LANGUAGE = PlainCookie("language", lazy_gettext("Language"))
CURRENCY = PlainCookie("currency", lazy_gettext("Currency"))
LAYOUT = PlainCookie("layout", lazy_gettext("Layout"))
READ_ARTICLES = PlainCookie(
    "read_articles", lazy_gettext("Recently read articles"), max_age=90 * A_DAY
)
GUEST_CART = PlainCookie("guest_cart", lazy_gettext("Your cart as a guest"), max_age=30 * A_DAY)
EXAMPLE = PlainCookie("username", lazy_gettext("The document’s example of a cookie"), max_age=3600)
REMEMBERED_NAME = PlainCookie(
    "remembered_name", lazy_gettext("Your name for the login"), max_age=30 * A_DAY
)


def read_plain(cookie: PlainCookie) -> str:
    """The unchecked value that the browser sent, or an empty string."""
    return unquote(request.cookies.get(cookie.name, ""))


def set_plain(response: Response, cookie: PlainCookie, value: str) -> None:
    """Have the browser keep `value` (RFC 6265bis, 4.1.1: only characters a cookie may hold)."""
    response.set_cookie(cookie.name, encoded(value), max_age=cookie.max_age, **_attributes(cookie))


def delete_plain(response: Response, cookie: PlainCookie) -> None:
    """Delete the cookie, if the browser sent it.

    A browser deletes it only if the attributes are those it was set with.
    """
    if cookie.name in request.cookies:
        response.delete_cookie(cookie.name, **_attributes(cookie))


def encoded(value: str) -> str:
    """The value as it is sent."""
    return quote(value, safe=":")


def _attributes(cookie: PlainCookie) -> dict[str, Any]:
    return {
        "secure": current_app.config["APP_PROFILE"] == PRODUCTION,
        "httponly": not cookie.readable_by_script,
        "samesite": "Lax",
    }
