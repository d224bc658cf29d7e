"""What is measured: a small application on each backend, asked without a network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from flask import Flask, session
from werkzeug.test import create_environ, run_wsgi_app

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

    @property
    def is_bare(self) -> bool:
        """Whether it has no session."""
        return self.name == self.bare


def list_candidates() -> dict[str, Candidate]:
    """The applications of Flask by name, each after those that it is compared with."""
    candidates = {BARE: Candidate(BARE, partial(_make_flask, BARE))}
    for backend in sorted(BACKENDS.values(), key=lambda backend: not backend.stock):
        candidates[backend.name] = Candidate(
            backend.name,
            partial(_make_flask, backend.name),
            ships=_find_what_ships(backend),
            on_redis=backend.on_redis,
            in_files=backend.on_disk,
        )
    return candidates


def _find_what_ships(backend: Backend) -> str | None:
    if backend.stock:
        return None
    place = backend.state, backend.needs
    stock = (other for other in BACKENDS.values() if other.stock)
    return next((other.name for other in stock if (other.state, other.needs) == place), None)


def _make_flask(name: str, place: Place, shape: Shape) -> Ask:
    return ask_wsgi(make_app(name, place, shape))


def make_app(name: str, place: Place, shape: Shape) -> Flask:
    """The candidate of this name, with a page for each operation."""
    app = Flask("bench", static_folder=None)
    if name != BARE:
        app.secret_key = SECRET_KEY
        app.config.update(SESSION_FILE_DIR=place.folder, REDIS_URL=place.redis_url)
        init_app(app, name)
    data = shape.make_data()
    for operation in OPERATIONS:
        view = partial(act, operation, None if name == BARE else session, data)
        app.add_url_rule(f"/{operation}", operation, view)
    return app


def act(operation: str, session: Any, data: Mapping[str, str]) -> str:
    """Do an operation to a session, of whatever framework, and answer; without one only answer."""
    if session is None or operation == "untouched":
        return "alice"
    if operation == "read":
        return str(session.get("user", "nobody"))
    if operation == "write":
        session["count"] = count = session.get("count", 0) + 1
        return str(count)
    if operation == "login":
        session.update({"user": "alice", **data})
        return "in"
    getattr(session, "flush", session.clear)()  # a session of Django is ended by `flush`
    return "out"


def ask_wsgi(app: Any) -> Ask:
    """Asks an application of WSGI."""
    environ = create_environ()

    def ask(operation: str, cookie: str | None) -> Answer:
        sent = {} if cookie is None else {"HTTP_COOKIE": cookie}
        request = {**environ, "PATH_INFO": f"/{operation}", **sent}
        body, status, headers = run_wsgi_app(app, request, buffered=True)
        return read_answer(int(status[:3]), [*headers], b"".join(body).decode())

    return ask


def read_answer(status: int, headers: list[tuple[str, str]], text: str) -> Answer:
    """The answer with the cookie that it sets."""
    set_cookies = [value for name, value in headers if name.lower() == "set-cookie"]
    pair = set_cookies[-1].partition(";")[0] if set_cookies else None
    return Answer(status, text, pair, sum(map(len, set_cookies)))


def find_login_fault(login: Answer) -> str | None:
    """Why no browser has a session after this login; `None` for one that begins a session."""
    if login.status != 200 or login.cookie is None:
        return f"its login was answered {login.status} and sets no cookie"
    # Browsers count its name and its value, without the sign between.
    is_kept = len(login.cookie) <= MAX_COOKIE_BYTES + 1
    return None if is_kept else "no browser keeps so large a cookie"


def find_fault(ask: Ask) -> str | None:
    """Why it is not compared: what it does not keep; `None` for one that keeps a session.

    What is fast because it forgets is not faster.
    """
    login = ask("login", None)
    if fault := find_login_fault(login):
        return fault
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
