"""What is measured: a small application on each backend, asked without a network."""

import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, NamedTuple

from flask import Flask, session

from app.lab.bench.place import Place
from app.lab.browser.cookie_jar import MAX_COOKIE_BYTES
from app.lab.measuring import make_random_text
from backends import BACKENDS, Backend, init_app

OPERATIONS = ("untouched", "read", "write", "login", "logout")
BARE = "bare"
FIELD_BYTES = 110

SECRET_KEY = "a key of the bench, which guards nothing"  # noqa: S105 - it guards nothing


class Shape(NamedTuple):
    """The data of a session: `size` bytes in so many fields."""

    size: int
    fields: int

    def make_data(self) -> Mapping[str, str]:
        """Text that cannot be compressed, by field."""
        each = self.size // self.fields
        names = [f"field{number}" for number in range(self.fields)]
        return {name: make_random_text(each - len(name)) for name in names}

    def __str__(self) -> str:
        return f"{self.size:,} B, {self.fields} {'field' if self.fields == 1 else 'fields'}"


SHAPES = tuple(
    Shape(size, fields) for size in (200, 2_000, 20_000) for fields in (1, size // FIELD_BYTES + 1)
)


class Answer(NamedTuple):
    """What came back, and the session's cookie as the next request sends it."""

    status: int
    text: str
    cookie: str | None
    set_cookie_bytes: int


Ask = Callable[[str, str | None], Answer]
"""Asks for an operation, with this `Cookie`."""


@dataclass(frozen=True)
class Candidate:
    """An application that is measured, by the name of its backend."""

    name: str
    make: Callable[[Place, Shape], Ask]
    bare: str = BARE
    """The candidate that answers the same without a session: its cost is subtracted."""
    ships: str | None = None
    """The candidate that it is compared with: what ships for the same place."""
    on_redis: bool = False
    in_files: bool = False
    serves_http: bool = True


def list_candidates() -> dict[str, Candidate]:
    """The applications of Flask by name, each after those that it is compared with."""
    backends = sorted(BACKENDS.values(), key=lambda backend: not backend.stock)
    candidates = [Candidate(BARE, _asks_flask(BARE)), *map(_on_backend, backends)]
    return {candidate.name: candidate for candidate in candidates}


def _on_backend(backend: Backend) -> Candidate:
    return Candidate(
        backend.name,
        _asks_flask(backend.name),
        ships=_find_what_ships(backend),
        on_redis=backend.on_redis,
        in_files=backend.file_per_session,
    )


def _asks_flask(name: str) -> Callable[[Place, Shape], Ask]:
    return lambda place, shape: ask_wsgi(make_app(name, place, shape))


def _find_what_ships(backend: Backend) -> str | None:
    if backend.stock:
        return None
    place = backend.state, backend.needs
    stock = (other for other in BACKENDS.values() if other.stock)
    return next((other.name for other in stock if (other.state, other.needs) == place), None)


def make_app(name: str, place: Place, shape: Shape) -> Flask:
    """The candidate of this name, with a page for each operation."""
    app = Flask("bench", static_folder=None)
    app.logger.disabled = True  # what an outage costs is not what its traceback costs
    if name != BARE:
        app.secret_key = SECRET_KEY
        app.config.update(SESSION_FILE_DIR=place.folder, REDIS_URL=place.redis_url)
        init_app(app, name)
    data = shape.make_data()
    views: Mapping[str, Callable[[], str]] = {
        "read": lambda: session.get("user", "nobody"),
        "write": _count,
        "login": lambda: session.update(user="alice", **data) or "in",
        "logout": _leave,
    }
    for operation in OPERATIONS:
        view = _answer if name == BARE else views.get(operation, _answer)
        app.add_url_rule(f"/{operation}", operation, view)
    return app


def _leave() -> str:
    session.clear()
    return "out"


def _answer() -> str:
    return "alice"


def _count() -> str:
    session["count"] = count = session.get("count", 0) + 1
    return str(count)


def ask_wsgi(app: Any) -> Ask:
    """Asks an application of WSGI."""
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
    }

    def ask(operation: str, cookie: str | None) -> Answer:
        status, headers = "", []

        def start_response(*begin: Any) -> None:
            nonlocal status, headers
            status, headers = begin[:2]

        sent = {} if cookie is None else {"HTTP_COOKIE": cookie}
        body = app({**environ, "PATH_INFO": f"/{operation}", **sent}, start_response)
        text = b"".join(body).decode()
        body.close()
        return read_answer(int(status[:3]), headers, text)

    return ask


def read_answer(status: int, headers: list[tuple[str, str]], text: str) -> Answer:
    """The answer with the cookie that it sets."""
    set_cookies = [value for name, value in headers if name.lower() == "set-cookie"]
    pair = set_cookies[-1].partition(";")[0] if set_cookies else None
    return Answer(status, text, pair, sum(map(len, set_cookies)))


def find_sent_bytes(ask: Ask) -> int | None:
    """The bytes of the `Cookie` after a login; `None` if there is none that a browser keeps."""
    login = _log_in_quietly(ask)
    kept = login.status == 200 and login.cookie is not None and _is_kept(login.cookie)
    return len(login.cookie or "") if kept else None


def _log_in_quietly(ask: Ask) -> Answer:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Flask's own, of a cookie that is too large
        return ask("login", None)


def _is_kept(cookie: str) -> bool:
    """Whether browsers keep it: they count its name and its value, without the sign between."""
    return len(cookie) <= MAX_COOKIE_BYTES + 1


def find_fault(ask: Ask) -> str | None:
    """Why it is not compared: what it does not keep; `None` for one that keeps a session.

    What is fast because it forgets is not faster.
    """
    login = _log_in_quietly(ask)
    if login.status != 200 or login.cookie is None:
        return f"its login was answered {login.status} and sets no cookie"
    if not _is_kept(login.cookie):
        return "no browser keeps so large a cookie"
    cookie = login.cookie
    for expected in ("1", "2"):
        written = ask("write", cookie)
        cookie = written.cookie or cookie
        if written.text != expected:
            return "it loses what was written"
    if ask("read", cookie).text != "alice":
        return "it forgets who is logged in"
    left = ask("logout", cookie).cookie
    return None if ask("read", left).text == "nobody" else "a logout changes nothing"
