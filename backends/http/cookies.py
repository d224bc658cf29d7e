"""Cookies in the headers of a request and a response."""

from functools import lru_cache
from typing import Any

from flask import Request, Response
from werkzeug.http import dump_cookie

MAX_CANDIDATES = 4
"""Cookies of one name that are tried: a change of domain or path leaves two in a browser."""


def cookies_named(name: str, request: Request) -> list[str]:
    """The first values of the cookies of a name, without quotes, empty ones left out."""
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
