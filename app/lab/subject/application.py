"""A backend under experiment: the real application on it, fresh, behind a real socket."""

import inspect
import itertools
import json
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from flask import Flask, abort, current_app, session
from werkzeug.security import generate_password_hash

from app.config import PRODUCTION
from app.lab.browser.client import Browser, Exchange, MakeBrowser
from app.lab.claim import CannotApply, Skipped
from app.lab.stores.harness import StoreHarness
from app.lab.subject.clock import Clock
from app.lab.subject.evidence import AT_THE_END, Holding
from app.lab.subject.server import ApplicationServer, behind_tls
from app.lab.subject.site import Paths, Site, Visitor
from app.pages import spoken
from backends import AtRest, Backend
from backends.cookie import decode_without_key

CreateApp = Callable[..., Flask]
Outcome = TypeVar("Outcome")

KEY = "the laboratory signs with this key, and so does nobody else"
ACCOUNT = {"username": "ada", "password": "the analytical engine"}

INSIDE = "/inside/"
"""The path below which code of an experiment runs in a view of the application."""


class ViewFailed(Exception):
    """The application did not answer 200 to code that ran in one of its views.

    `raised` is what that code raised, where it was what failed.
    """

    def __init__(self, exchange: Exchange, raised: Exception | None) -> None:
        why = f": {type(raised).__name__}: {raised}" if raised else ""
        super().__init__(f"{exchange.method} {exchange.url} was answered {exchange.status}{why}")
        self.exchange = exchange
        self.raised = raised


@dataclass
class _Inside:
    """Code for a view of the application, and what came of it."""

    view: Callable[[], Any]
    outcome: Any = None
    raised: Exception | None = None

    def run(self) -> None:
        try:
            self.outcome = self.view()
        except Exception as error:
            self.raised = error
            raise


class Subject(Site):
    """The application on one backend, and everything that an experiment does to it.

    `store` is the harness of its store, `None` for one that keeps none on the server.
    """

    def __init__(
        self,
        create_app: CreateApp,
        backend: Backend,
        folder: Path,
        store: StoreHarness | None,
        clock: Clock,
        make_browser: MakeBrowser = Browser,
    ) -> None:
        self.create_app = create_app
        self.backend = backend
        self.folder = folder
        self._store = store
        self.clock = clock
        self._changed: dict[str, Any] = {}
        self._servers: list[ApplicationServer] = []
        self._visitors: list[SubjectVisitor] = []
        self._inside: dict[int, _Inside] = {}
        self._numbers = itertools.count()
        self.app = self._make_app(store)
        self._server = self._serve(self.app)
        cookie_name = self.app.config["SESSION_COOKIE_NAME"]
        super().__init__(self._server.url, cookie_name, Paths(fields=ACCOUNT), make_browser)
        if store is not None:
            store.note = self.recorder.note

    @property
    def store(self) -> StoreHarness:
        """Where its sessions rest. Raises `CannotApply` where none rest on the server."""
        if self._store is None:
            raise CannotApply("The server stores nothing.")
        return self._store

    def records(self) -> dict[str, bytes]:
        """A copy of all that rests on the server; empty where nothing does."""
        return {} if self._store is None else self._store.records()

    def isolated_settings(self) -> Mapping[str, Any]:
        """The settings of an application with a disk and a store of its own."""
        own_disk = {"SESSION_FILE_DIR": self.folder / "separate"}
        return own_disk if self._store is None else {**own_disk, **self._store.isolated_settings()}

    def new_visitor(self) -> "SubjectVisitor":
        visitor = SubjectVisitor(self, self.make_browser())
        self._visitors.append(visitor)
        return visitor

    def log_in_visitor(self) -> "SubjectVisitor":
        visitor = self.new_visitor()
        visitor.log_in()
        return visitor

    def advance_time(self, seconds: float) -> None:
        """Let time pass, for the application and for its store."""
        self.clock.shift(seconds)
        if self._store is not None:
            self._store.advance(seconds)
        if seconds >= 1:
            self.recorder.note(f"{spoken(seconds)} pass.")

    def restart(self, **settings: Any) -> None:
        """Stop the application and start it anew, on the same address, with changed settings.

        A store inside the process ends with it.
        """
        self._changed |= settings
        if self._store is not None and self._store.embedded:
            self._store = self._store.for_new_process()
            self._store.note = self.recorder.note
        self._server.stop()
        self.app = self._make_app(self._store)
        self.cookie_name = self.app.config["SESSION_COOKIE_NAME"]
        self._server = self._serve(self.app, self._server.port)
        self.recorder.note(f"The application is stopped and started again{_with_other(settings)}.")

    def restart_in_production(self) -> None:
        """Start the application anew in its production profile, told that it is asked over HTTPS.

        The browser asks over HTTP on loopback, which it trusts as it trusts HTTPS.
        """
        embedded = self._store is not None and self._store.embedded
        # Production refuses to run without a server; the client that it is given stays.
        served = {"REDIS_URL": "redis://localhost"} if embedded else {}
        self.restart(APP_PROFILE=PRODUCTION, **served)

    @contextmanager
    def start_second_server(self, **settings: Any) -> Iterator[Site]:
        """The same application on another machine: the same settings and key, a disk of its own.

        Machines share a Redis server; they share no disk and no process. `settings` are for it
        alone.
        """
        store = None if self._store is None else self._store.for_new_process()
        elsewhere = {"SESSION_FILE_DIR": self.folder / f"machine-{next(self._numbers)}"}
        server = self._serve(self._make_app(store, {**elsewhere, **settings}))
        other = Site(server.url, self.cookie_name, self.paths, self.make_browser)
        other.recorder = self.recorder
        self.recorder.note(f"A second server is started{_with_other(settings)}.")
        try:
            yield other
        finally:
            server.stop()
            self.recorder.note("The second server is stopped.")

    def run(self, visitor: "SubjectVisitor", view: Callable[[], Outcome]) -> Outcome:
        """Run code inside a view of the application, in a request of this visitor.

        What it returns comes back. Raises `ViewFailed` where the answer is not 200.
        """
        exchange, inside = self._run(visitor, view)
        if exchange.status != 200:
            raise ViewFailed(exchange, inside.raised)
        result: Outcome = inside.outcome
        return result

    def attempt(self, visitor: "SubjectVisitor", view: Callable[[], Any]) -> Exchange:
        """Run code inside a view, and see how the application answers."""
        return self._run(visitor, view)[0]

    def _run(self, visitor: "SubjectVisitor", view: Callable[[], Any]) -> tuple[Exchange, _Inside]:
        number, inside = next(self._numbers), _Inside(view)
        self._inside[number] = inside
        return visitor.post(f"{INSIDE}{number}", inside=_source(view)), inside

    def snapshot(self, visitor: Visitor, moment: str) -> None:
        if self.recorder.wants_holdings:
            self.recorder.hold(self._holding(visitor, moment))

    def snapshot_at_end(self) -> None:
        for visitor in reversed(self._visitors):
            if visitor.token:
                # An experiment may leave a record that cannot be read.
                with suppress(Exception):
                    self.recorder.hold(self._holding(visitor, AT_THE_END))
                return

    def close(self) -> None:
        """End what serves, and remove what was stored."""
        for server in self._servers:
            server.stop()
        if self._store is not None:
            self._store.close()

    def _make_app(self, store: StoreHarness | None, changed: dict[str, Any] | None = None) -> Flask:
        settings: dict[str, Any] = {
            "SESSION_BACKEND": self.backend.name,
            "SECRET_KEY": KEY,
            "LAB": False,  # an experiment that opens every page must not start a run
            "SESSION_FILE_DIR": self.folder / "sessions",
            "ACCOUNTS_FILE": self.folder / "accounts.sqlite3",
            # One round: the time of a login is not what is measured.
            "DEMO_ACCOUNTS": {
                ACCOUNT["username"]: generate_password_hash(ACCOUNT["password"], "pbkdf2:sha256:1")
            },
            **(store.settings if store else {}),
            **self._changed,
            **(changed or {}),
        }
        app = self.create_app(settings)
        app.add_url_rule(f"{INSIDE}<int:number>", view_func=self._answer_inside, methods=["POST"])
        if app.config["APP_PROFILE"] == PRODUCTION:
            app.wsgi_app = behind_tls(app.wsgi_app)  # type: ignore[method-assign]
        return app

    def _answer_inside(self, number: int) -> str:
        inside = self._inside.pop(number, None)
        if inside is None:
            abort(404)
        inside.run()
        return "done"

    def _serve(self, app: Flask, port: int = 0) -> ApplicationServer:
        server = ApplicationServer(app, port)
        self._servers.append(server)
        return server

    def _holding(self, visitor: Visitor, moment: str) -> Holding:
        token = visitor.token
        decoded = decode_without_key(token)
        # A request context that fails to open a session stays current: in a copy, it goes with it.
        at_rest = copy_context().run(self._at_rest, token)
        return Holding(
            moment=moment,
            cookie=self.cookie_name,
            cookie_bytes=visitor.cookie_bytes,
            decoded=json.dumps(decoded.payload, indent=2) if decoded else None,
            where=at_rest.where if at_rest else None,
            record_bytes=at_rest.size if at_rest else 0,
            fields=at_rest.fields if at_rest else {},
        )

    def _at_rest(self, token: str) -> AtRest | None:
        if self.backend.at_rest is None or not token:
            return None
        cookie = {"Cookie": f"{self.cookie_name}={token}"}
        with self.app.test_request_context(headers=cookie):
            return self.backend.at_rest(self.app, session)


class SubjectVisitor(Visitor):
    """A visitor of an application that the laboratory started itself."""

    site: Subject

    def run(self, view: Callable[[], Outcome]) -> Outcome:
        """Run code inside a view, in a request of mine: `run(lambda: session["cart"])`."""
        return self.site.run(self, view)

    def attempt(self, view: Callable[[], Any]) -> Exchange:
        """Run code inside a view, and see how the application answers."""
        return self.site.attempt(self, view)


def _with_other(settings: Mapping[str, Any]) -> str:
    """Their names: values may be keys."""
    return f" with another {', '.join(settings)}" if settings else ""


def _source(view: Callable[[], Any]) -> str:
    if isinstance(view, partial):
        view = view.func
    try:
        return textwrap.dedent(inspect.getsource(view)).strip()
    except (OSError, TypeError):
        return ""


def can_rotate(subject: Subject) -> bool:
    """Whether the backend can give a session a new token; Flask's own cannot."""
    return hasattr(subject.app.session_interface, "regenerate")


def rotate() -> None:
    """Give the current session a new token and keep its data. Runs inside a view."""
    interface: Any = current_app.session_interface
    interface.regenerate(session)


def count_operations(
    subject: Subject, ada: SubjectVisitor, ask: Callable[[], object]
) -> Counter[str]:
    """The store's operations while `ask` runs, by name.

    Raises `Skipped` if the laboratory sees none even for the private page of `ada`, who is logged
    in: then it cannot see what this store does.
    """
    ada.get_private_page()  # what is opened once, and then used unseen, is opened now
    if not _count(subject, ada.get_private_page):
        raise Skipped("The laboratory cannot see what this store is asked.")
    return _count(subject, ask)


def _count(subject: Subject, ask: Callable[[], object]) -> Counter[str]:
    before = subject.store.operations()
    ask()
    return subject.store.operations() - before
