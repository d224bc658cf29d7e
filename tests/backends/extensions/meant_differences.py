"""The differences between Flask's session and the backends that are meant, with their reasons."""

import json
from collections.abc import Mapping
from typing import Any

from backends import BUILT_IN
from tests.backends.extensions.differences import Difference, MeantDifferences

OURS = [backend for backend in BUILT_IN.values() if not backend.stock]
ON_SERVER = frozenset(backend.name for backend in OURS if backend.state == "server")
ON_COOKIE = frozenset(backend.name for backend in OURS if backend.state == "browser")

IDLE_LIMIT = (
    "PERMANENT_SESSION_LIFETIME limits the time without use: a session that is read is prolonged. "
    "In Flask it counts from the last change."
)
REPLAY = "A session on the server is changed there: an older cookie does not bring older data back."
SHARED = (
    "Flask-SocketIO leaves the session to Flask here. Its documentation says that events and HTTP "
    "requests then share a session on the server, while one in a cookie stays as it was."
)


def in_bodies(texts: Mapping[str, tuple[str, str]]) -> tuple[Difference, ...]:
    """Differences of bodies: Flask's and ours, by the step."""
    return tuple(Difference(step, "body", plain, ours) for step, (plain, ours) in texts.items())


def in_cookies(expires: Mapping[str, str]) -> tuple[Difference, ...]:
    """By the step a cookie that ours set and Flask's does not, with its end."""
    cookies = {step: f"session=…;{end} HttpOnly; Path=/" for step, end in expires.items()}
    return tuple(Difference(step, "cookies", "", cookie) for step, cookie in cookies.items())


def in_color(event: str, page: str, **more: Any) -> dict[str, tuple[str, str]]:
    """The bodies of an event and of a page: Flask's session holds one value, ours holds more."""
    held = [{"color": "red"}, {"color": "red", **more} if more else {}]
    events = [json.dumps(each) for each in held]
    pages = [json.dumps(each, separators=(",", ":")) + "\n" for each in held]
    return {event: (events[0], events[1]), page: (pages[0], pages[1])}


WRITTEN: dict[str, Any] = {"connected": True, "size": "small"}
LISTED: dict[str, Any] = {"connected": True, "list": ["one", "two"], "size": "small"}

MEANT = [
    MeantDifferences("remember me", ON_COOKIE, IDLE_LIMIT, in_cookies({"a month later": ""})),
    MeantDifferences(
        *("permanent session, every three weeks, not refreshed", ON_SERVER | ON_COOKIE, IDLE_LIMIT),
        in_bodies({"after six weeks": ("hello stranger", "hello 42")})
        + in_cookies(
            {
                "after three weeks": " Expires=Mon, 08 Mar 2027 08:00:00 GMT;",
                "after six weeks": " Expires=Mon, 29 Mar 2027 08:00:00 GMT;",
            }
        ),
    ),
    MeantDifferences(
        *("replay after logout", ON_SERVER, REPLAY),
        in_bodies({"the token from before the logout": ("hello 42", "hello stranger")})
        + in_cookies({"the token from before the logout": ""}),
    ),
    MeantDifferences(
        *("write in events, Flask's session", ON_SERVER, SHARED),
        in_bodies(
            {
                "first event": ('{"color": "red"}', '{"color": "red", "connected": true}'),
                **in_color("event after it", "page after it", **WRITTEN),
                **in_color("event after them", "page after them", **LISTED),
                **in_color("event after the clearing", "page after the clearing"),
            }
        ),
    ),
    MeantDifferences(
        *("login and logout by HTTP, Flask's session", ON_SERVER, SHARED),
        in_bodies(
            dict.fromkeys(
                ("user after the logout", "user of the first connection"), ('"ada"', '"nobody"')
            )
        ),
    ),
]
