"""A backend under experiment: a fresh application on it, behind a real socket."""

import inspect
import itertools
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Flask, abort, current_app, session
from werkzeug.security import generate_password_hash
from werkzeug.test import create_environ

from app.config import PRODUCTION
from app.lab.browser.client import Exchange, MakeBrowser
from app.lab.claim import Skipped
from app.lab.stores.harness import StoreHarness
from app.lab.subject.evidence import AT_THE_END, Holding
from app.lab.subject.server import ApplicationServer, behind_tls
from app.lab.subject.site import Paths, Site, Visitor
from app.web.cookie_text import describe
from app.web.formatting import format_duration
from backends import AtRest, Backend
from backends.tokens.cookie_format import decode_without_key

if TYPE_CHECKING:
    from time_machine import Traveller

CreateApp = Callable[..., Flask]
T = TypeVar("T")

SIGNING_KEY = "the laboratory signs with this key, and so does nobody else"
ACCOUNT = {"username": "alice", "password": "wonderland"}

SLOW_REQUESTS = ("uses no session", "reads the session", "writes to the session")
ROTATES = "rotates the token"
"""The kinds of slow requests; the last only if the backend can rotate a token."""

VIEW_PATH = "/inside/"
"""The path below which an experiment's own views run."""


class ViewFailed(Exception):
    """A view of an experiment was not answered with status 200; its exception is the cause."""


class Subject(Site):
    """The application on one backend, and what an experiment can do with it."""

    person = ACCOUNT["username"].capitalize()

    def __init__(
        self,
        create_app: CreateApp,
        backend: Backend,
        folder: Path,
        store: StoreHarness,
        clock: "Traveller",
        make_browser: MakeBrowser,
    ) -> None:
        self.create_app = create_app
        self.backend = backend
        self.folder = folder
        self.clock = clock
        self.store = store
        self._settings: dict[str, Any] = {}
        self._visitors: list[SubjectVisitor] = []
        self._views: dict[int, tuple[Callable[[], Any], Future[Any]]] = {}
        self._numbers = itertools.count()
        self.app = self._make_app(store)
        self._server = ApplicationServer(self.app)
        cookie_name = self.app.config["SESSION_COOKIE_NAME"]
        super().__init__(self._server.url, cookie_name, Paths(fields=ACCOUNT), make_browser)

    @contextmanager
    def record_asked(self) -> Iterator[list[str]]:
        """A list of what the application asks its store from now on, in words.

        For a store of which nothing can be seen from outside: one whose file stays open.
        """
        asked: list[str] = []
        if self.backend.watch is not None:
            self.backend.watch(self.app, asked.append)
        yield asked

    def new_visitor(self, name: str = "") -> "SubjectVisitor":
        visitor = SubjectVisitor(self, self.make_browser(), name)
        self._visitors.append(visitor)
        return visitor

    def log_in_visitor(self, name: str = "") -> "SubjectVisitor":
        visitor = self.new_visitor(name)
        visitor.log_in()
        return visitor

    def advance_time(self, seconds: float) -> None:
        """Move the clocks of the application and of its store."""
        self.clock.shift(seconds)
        self.store.advance(seconds)
        if seconds >= 1:
            self.recorder.note(f"{format_duration(seconds)} pass.")

    def restart(self, **settings: Any) -> None:
        """Restart the application on the same address, with changed settings.

        A store inside the process is lost.
        """
        self._settings |= settings
        self.store = self.store.for_new_process()
        self._server.stop()
        self.app = self._make_app(self.store)
        self.cookie_name = self.app.config["SESSION_COOKIE_NAME"]
        self._server = ApplicationServer(self.app, self._server.port)
        changes = _describe_settings(settings)
        self.recorder.note(f"The application is stopped and started again{changes}.")

    def restart_in_production(self) -> None:
        """Restart the application in its production profile, as if behind HTTPS.

        The browser uses HTTP on loopback, which it trusts like HTTPS.
        """
        # Production refuses to run without a server; the client that it is given stays.
        settings = {"REDIS_URL": "redis://localhost"} if self.store.embedded else {}
        self.restart(APP_PROFILE=PRODUCTION, ALLOWED_HOSTS=["127.0.0.1"], **settings)

    @contextmanager
    def start_second_server(self, **settings: Any) -> Iterator[Site]:
        """The same application on another machine, with the same settings and key.

        Machines share a Redis server; they share no disk and no process. `settings` are for it
        alone.
        """
        own_disk = {"SESSION_FILE_DIR": self.folder / f"machine-{next(self._numbers)}"}
        app = self._make_app(self.store.for_new_process(), **own_disk | settings)
        server = ApplicationServer(app)
        other = Site(server.url, self.cookie_name, self.paths, self.make_browser)
        other.recorder = self.recorder
        self.recorder.note(f"A second server is started{_describe_settings(settings)}.")
        try:
            yield other
        finally:
            server.stop()
            self.recorder.note("The second server is stopped.")

    def add_view(self, view: Callable[[], T]) -> tuple[str, "Future[T]"]:
        """Run `view` at the next POST to the returned path; the future gets its result."""
        number, result = next(self._numbers), Future[T]()
        self._views[number] = view, result
        return f"{VIEW_PATH}{number}", result

    def snapshot(self, visitor: Visitor, moment: str) -> None:
        if self.recorder.wants_holdings:
            self.recorder.add_holding(self._find_holding(visitor, moment))

    def snapshot_at_end(self) -> None:
        visitor = next((each for each in reversed(self._visitors) if each.token), None)
        # An experiment may leave a record that cannot be read.
        with suppress(Exception):
            if visitor is not None:
                self.recorder.add_holding(self._find_holding(visitor, AT_THE_END))

    def close(self) -> None:
        """Stop the server, and remove the store."""
        self._server.stop()
        self.store.close()

    def _make_app(self, store: StoreHarness, **own: Any) -> Flask:
        settings: dict[str, Any] = {
            "SESSION_BACKEND": self.backend.name,
            "SECRET_KEY": SIGNING_KEY,
            "LAB": False,  # an experiment that opens every page must not start a run
            "SESSION_FILE_DIR": self.folder / "sessions",
            "ACCOUNTS_FILE": self.folder / "accounts.sqlite3",
            # One round: the time of a login is not what is measured.
            "DEMO_ACCOUNTS": {
                ACCOUNT["username"]: generate_password_hash(ACCOUNT["password"], "pbkdf2:sha256:1")
            },
            **store.settings,
            **self._settings,
            **own,
        }
        app = self.create_app(settings)
        app.add_url_rule(f"{VIEW_PATH}<int:number>", view_func=self._run_view, methods=["POST"])
        if app.config["APP_PROFILE"] == PRODUCTION:
            app.wsgi_app = behind_tls(app.wsgi_app)  # type: ignore[method-assign]
        return app

    def _run_view(self, number: int) -> str:
        if number not in self._views:
            abort(404)
        view, result = self._views.pop(number)
        try:
            result.set_result(view())
        except Exception as error:
            result.set_exception(error)
            raise
        return "done"

    def _find_holding(self, visitor: Visitor, moment: str) -> Holding:
        token = visitor.token
        decoded = decode_without_key(token)
        # A request context that fails to open a session stays current: in a copy, it goes with it.
        at_rest = copy_context().run(self._find_record, token)
        return Holding(
            moment=moment,
            cookie=self.cookie_name,
            cookie_bytes=visitor.cookie_bytes,
            decoded=describe(decoded, whole=True) if decoded else None,
            where=at_rest.where if at_rest else None,
            record_bytes=at_rest.size if at_rest else 0,
            fields=at_rest.fields if at_rest else {},
        )

    def _find_record(self, token: str) -> AtRest | None:
        if self.backend.at_rest is None or not token:
            return None
        cookie = {"Cookie": f"{self.cookie_name}={token}"}
        with self.app.test_request_context(headers=cookie):
            return self.backend.at_rest(self.app, session)


class SubjectVisitor(Visitor):
    """A visitor of an application that the laboratory started itself."""

    site: Subject

    def run(self, view: Callable[[], T]) -> T:
        """Run code in a view, in a request of the visitor: `run(lambda: session["cart"])`.

        Returns its result. Raises `ViewFailed` if the response is not 200.
        """
        exchange, result = self._post_view(view)
        if exchange.status != 200:
            raised = result.exception() if result.done() else None
            why = f": {type(raised).__name__}: {raised}" if raised else ""
            told = f"{exchange.method} {exchange.url} was answered {exchange.status}{why}"
            raise ViewFailed(told) from raised
        return result.result()

    def attempt(self, view: Callable[[], Any]) -> Exchange:
        """Run code inside a view, and return the exchange, whatever its status."""
        return self._post_view(view)[0]

    def _post_view(self, view: Callable[[], T]) -> tuple[Exchange, "Future[T]"]:
        path, result = self.site.add_view(view)
        return self.post(path, inside=_read_source(view)), result


def can_rotate(subject: Subject) -> bool:
    """Whether the backend can give a session a new token; Flask's own cannot."""
    return hasattr(subject.app.session_interface, "regenerate")


def rotate() -> None:
    """Give the current session a new token and keep its data. Runs inside a view."""
    interface: Any = current_app.session_interface
    interface.regenerate(session)


def run_slow_request(alice: SubjectVisitor, kind: str, meanwhile: Callable[[], T]) -> T:
    """Let a slow request of this kind begin before `meanwhile`, and end after it."""

    def respond_slowly() -> T:
        if kind != "uses no session":
            session.get("user")
        result = meanwhile()
        if kind == "writes to the session":
            session["late"] = True
        if kind == ROTATES:
            rotate()
        return result

    return alice.run(respond_slowly)


def log_in_users(subject: Subject, count: int) -> None:
    """Make sessions of other users, each in a request of its own.

    Without the form, which checks a password, without a network and without a view: all are slow.
    """
    app, environ = subject.app, create_environ()
    for number in range(count):
        with app.request_context(dict(environ)):
            session.update(user=f"user {number}", logged_in=True)
            status = app.process_response(app.response_class()).status
            assert status == "200 OK", f"the login of user {number} was answered {status}"
    subject.recorder.note(f"{count} others log in, one after the other, in their own browsers.")


def count_operations(
    subject: Subject, alice: SubjectVisitor, act: Callable[[], object]
) -> Counter[str]:
    """The store's operations while `act` runs, by name; its requests decide the verdict.

    Raises `Skipped` if not even the private page of `alice`, who is logged in, is seen to cost any:
    then the laboratory cannot see what this store does.
    """
    alice.get_private_page()  # what is opened once, and then used unseen, is opened now
    for record in (subject.store.record_operations, subject.record_asked):
        with record() as seen:
            alice.get_private_page()
        if seen:
            with record() as operations, subject.recorder.deciding():
                act()
            return Counter(operations)
    raise Skipped("The laboratory cannot see what this store is asked.")


def _describe_settings(settings: Mapping[str, Any]) -> str:
    """The names of changed settings; their values may be keys."""
    return f" with another {', '.join(settings)}" if settings else ""


def _read_source(view: Callable[[], Any]) -> str:
    try:
        source = inspect.getsource(view.func if isinstance(view, partial) else view)
    except (OSError, TypeError):
        return ""
    return textwrap.dedent(source).strip()
