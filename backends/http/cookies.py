"""Cookies in the headers of a request and a response."""

import re
from datetime import datetime
from functools import lru_cache
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SessionInterface
from werkzeug.datastructures import Headers
from werkzeug.http import dump_cookie
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wrappers import Response as WerkzeugResponse

from backends.settings import ConfigurationError, is_on

MAX_CANDIDATES = 4
"""Cookies of one name that are tried: a change of domain or path leaves two in a browser."""

PERMANENT = "~"
"""Ends the cookie of a permanent session: it is sent again without a read.

It is not signed: a user who adds or removes it changes how often their cookie is renewed, no more.
"""

AS_SENT = WerkzeugRequest.cookies
"""What finds the cookies in a request's header."""

EXAMPLES = {
    "domain": "a name such as example.com",
    "path": "a path such as /shop (APPLICATION_ROOT is taken without one)",
    "samesite": "Lax, Strict or None, as text",
}
"""Of the attributes that are texts."""

ON_OR_OFF = (
    *("SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_PARTITIONED"),
    "SESSION_REFRESH_EACH_REQUEST",
)
"""Flask's settings of which a text such as "False" would mean the opposite."""

HOST = re.compile(r"\.?[\w-]+(\.[\w-]+)*\.?(:\d+)?")
"""A name of a host, with the port that Werkzeug leaves out."""


def cookies_named(name: str, request: Request) -> list[str]:
    """The first values of the cookies of a name, without quotes, empty ones left out."""
    if getattr(type(request), "cookies", AS_SENT) is not AS_SENT:
        # An application's own class may have them from elsewhere.
        value = request.cookies.get(name)
        return [value] if value else []
    header = request.environ.get("HTTP_COOKIE", "")
    if name not in header:
        return []
    # `request.cookies` parses, decodes and unquotes every cookie, which a token never needs.
    found: list[str] = []
    for pair in header.split(";"):
        key, _, value = pair.partition("=")
        if key.strip() == name and (token := value.strip(' "')):
            found.append(token)
    return found[:MAX_CANDIDATES]


def has_permanent(name: str, request: Request) -> bool:
    """Whether one of the cookies of a name is that of a permanent session."""
    return any(value.endswith(PERMANENT) for value in cookies_named(name, request))


def check_attributes(interface: SessionInterface, app: Flask) -> None:
    """Raise `ConfigurationError` for a setting with which no browser keeps the cookie."""
    for name in ON_OR_OFF:
        is_on(app, name, default=False)
    attributes = cookie_attributes(interface, app)
    for name, value in attributes.items():
        if not _is_taken(name, value):
            raise ConfigurationError(
                f"SESSION_COOKIE_{name.upper()}={value!a} is nothing that a browser takes: "
                f"give {EXAMPLES[name]}, or leave it out."
            )
    missing = _missing_for_prefix(interface.get_cookie_name(app).lower(), attributes)
    if missing:
        raise ConfigurationError(
            f"SESSION_COOKIE_NAME={interface.get_cookie_name(app)!a}: browsers keep a cookie of "
            f"such a name only with {' and '.join(missing)}. Set that, or take another name."
        )


def _is_taken(name: str, value: Any) -> bool:
    """Whether a cookie can be sent with this attribute, and what browsers read is what is meant."""
    try:
        Headers([("Set-Cookie", dump_cookie("name", "value", **{name: value}))])
    except (AttributeError, TypeError, ValueError):
        return False
    if name == "domain" and value:
        # An address or two names would be cut off or belong to no host.
        return HOST.fullmatch(value) is not None
    # Browsers take a path without the slash for the folder of the page that sent it.
    return name != "path" or not value or value.startswith("/")


def _missing_for_prefix(name: str, attributes: dict[str, Any]) -> list[str]:
    """The settings without which a name in small letters is refused (RFC 6265bis 4.1.3)."""
    is_host = name.startswith("__host-")
    is_secure = is_host or name.startswith(("__secure-", "__http-"))
    needs = {
        # A partitioned cookie is sent with it.
        "SESSION_COOKIE_SECURE=True": is_secure
        and not (attributes["secure"] or attributes["partitioned"]),
        "SESSION_COOKIE_HTTPONLY=True": name.startswith(("__http-", "__host-http-"))
        and not attributes["httponly"],
        "SESSION_COOKIE_PATH='/'": is_host and attributes["path"] != "/",
        "no SESSION_COOKIE_DOMAIN": is_host and bool(attributes["domain"]),
    }
    return [what for what, is_missing in needs.items() if is_missing]


def cookie_attributes(interface: SessionInterface, app: Flask) -> dict[str, Any]:
    """What the session's cookie is set and deleted with."""
    return {
        "domain": interface.get_cookie_domain(app),
        "path": interface.get_cookie_path(app),
        # Werkzeug writes a 0 as `Secure=0`, which browsers read as `Secure`.
        "secure": bool(interface.get_cookie_secure(app)),
        "httponly": bool(interface.get_cookie_httponly(app)),
        "samesite": interface.get_cookie_samesite(app),
        "partitioned": bool(interface.get_cookie_partitioned(app)),
    }


def set_cookie(
    response: Response,
    name: str,
    value: str,
    expires: datetime | None,
    attributes: dict[str, Any],
) -> None:
    """Set a cookie whose value needs no quotes."""
    if type(response).set_cookie is not WerkzeugResponse.set_cookie:
        # An application's own class may change what its cookies are sent with.
        response.set_cookie(name, value, expires=expires, **attributes)
    elif expires is not None:
        # Werkzeug's warning counts the attributes too, which browsers do not.
        header = dump_cookie(name, value, expires=expires, max_size=0, **attributes)
        response.headers.add("Set-Cookie", header)
    else:
        response.headers.add("Set-Cookie", name + "=" + value + dump_attributes(**attributes))


@lru_cache(maxsize=64)
def dump_attributes(**attributes: Any) -> str:
    """The attributes in a Set-Cookie, with what separates them from the value."""
    return dump_cookie("name", "value", **attributes).removeprefix("name=value")


def vary_by_cookie(response: Response) -> None:
    """Say that the response depends on the cookies of the request."""
    # Parsing and joining a header that is not there costs ten times as much.
    for name, value in response.headers:
        if name.lower() == "vary":
            if value != "Cookie":
                response.vary.add("Cookie")
            return
    response.headers.add("Vary", "Cookie")
