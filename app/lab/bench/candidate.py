"""What is measured: a small application on each backend."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from flask import Flask, session

from app.lab.measuring import make_random_text
from backends import BACKENDS, init_app

OPERATIONS = ("untouched", "read", "write", "login", "logout")
BARE = "bare"
FIELD_BYTES = 110
SECRET_KEY = "a key of the bench, which guards nothing"  # noqa: S105 - it guards nothing

WsgiApp = Callable[..., Iterable[bytes]]


class Shape(NamedTuple):
    """The data of a session: `size` bytes in so many fields."""

    size: int
    fields: int

    def __str__(self) -> str:
        return f"{self.size:,} B, {self.fields} {'field' if self.fields == 1 else 'fields'}"


SHAPES = tuple(
    Shape(size, fields) for size in (200, 2_000, 20_000) for fields in (1, size // FIELD_BYTES + 1)
)


def make_data(size: int, fields: int) -> Mapping[str, str]:
    """Text that cannot be compressed, by field."""
    names = [f"field{number}" for number in range(fields)]
    return {name: make_random_text(size // fields - len(name)) for name in names}


@dataclass(frozen=True)
class Candidate:
    """An application that is measured, by the name of its backend."""

    name: str
    make: Callable[[Shape, str, str | None], WsgiApp]
    """Called with the session's data, the folder for files, and the address of Redis."""
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
    stock = {(each.state, each.needs): each.name for each in BACKENDS.values() if each.stock}
    candidates = [Candidate(BARE, partial(make_app, BARE))]
    for each in sorted(BACKENDS.values(), key=lambda backend: not backend.stock):
        make = partial(make_app, each.name)
        ships = None if each.stock else stock.get((each.state, each.needs))
        candidates.append(Candidate(each.name, make, BARE, ships, each.on_redis, each.on_disk))
    return {candidate.name: candidate for candidate in candidates}


def make_app(name: str, shape: tuple[int, int], folder: str, redis_url: str | None) -> Flask:
    """The candidate of this name, with a page for each operation."""
    app = Flask("bench", static_folder=None)
    if name != BARE:
        app.secret_key = SECRET_KEY
        app.config.update(SESSION_FILE_DIR=folder, REDIS_URL=redis_url)
        init_app(app, name)
    visit = partial(act, session=session, data=make_data(*shape))
    app.add_url_rule("/<operation>", "visit", (lambda **_: "done") if name == BARE else visit)
    return app


def act(operation: str, session: Any, data: Mapping[str, str]) -> str:
    """Do an operation to a session, of whatever framework, and answer."""
    match operation:
        case "read":
            return str(session.get("user", "nobody"))
        case "write":
            session["count"] = count = session.get("count", 0) + 1
            return str(count)
        case "login":
            session.update({"user": "alice", **data})
        case "logout":
            getattr(session, "flush", session.clear)()  # a session of Django is ended by `flush`
    return "done"
