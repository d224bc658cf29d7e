"""The differences between Flask's session and the backends that are meant, with their reasons."""

from collections.abc import Mapping

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


def in_cookies(texts: Mapping[str, tuple[str, str]]) -> tuple[Difference, ...]:
    """Differences of cookies that are set: Flask's and ours, by the step."""
    return tuple(Difference(step, "cookies", plain, ours) for step, (plain, ours) in texts.items())


MEANT = [
    MeantDifferences(
        "remember me",
        ON_COOKIE,
        IDLE_LIMIT,
        in_cookies({"a month later": ("", "session=…; HttpOnly; Path=/")}),
    ),
    MeantDifferences(
        "permanent session, every three weeks, not refreshed",
        ON_SERVER | ON_COOKIE,
        IDLE_LIMIT,
        in_bodies({"after six weeks": ("hello stranger", "hello 42")})
        + in_cookies(
            {
                "after three weeks": (
                    "",
                    "session=…; Expires=Mon, 08 Mar 2027 08:00:00 GMT; HttpOnly; Path=/",
                ),
                "after six weeks": (
                    "",
                    "session=…; Expires=Mon, 29 Mar 2027 08:00:00 GMT; HttpOnly; Path=/",
                ),
            }
        ),
    ),
    MeantDifferences(
        "replay after logout",
        ON_SERVER,
        REPLAY,
        in_bodies({"the token from before the logout": ("hello 42", "hello stranger")})
        + in_cookies({"the token from before the logout": ("", "session=…; HttpOnly; Path=/")}),
    ),
    MeantDifferences(
        "write in events, Flask's session",
        ON_SERVER,
        SHARED,
        in_bodies(
            {
                "first event": ('{"color": "red"}', '{"color": "red", "connected": true}'),
                "event after it": (
                    '{"color": "red"}',
                    '{"color": "red", "connected": true, "size": "small"}',
                ),
                "page after it": (
                    '{"color":"red"}\n',
                    '{"color":"red","connected":true,"size":"small"}\n',
                ),
                "event after them": (
                    '{"color": "red"}',
                    '{"color": "red", "connected": true, "list": ["one", "two"], "size": "small"}',
                ),
                "page after them": (
                    '{"color":"red"}\n',
                    '{"color":"red","connected":true,"list":["one","two"],"size":"small"}\n',
                ),
                "event after the clearing": ('{"color": "red"}', "{}"),
                "page after the clearing": ('{"color":"red"}\n', "{}\n"),
            }
        ),
    ),
    MeantDifferences(
        "login and logout by HTTP, Flask's session",
        ON_SERVER,
        SHARED,
        in_bodies(
            {
                "user after the logout": ('"ada"', '"nobody"'),
                "user of the first connection": ('"ada"', '"nobody"'),
            }
        ),
    ),
]
