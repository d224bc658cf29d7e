"""What an application may do with Flask's own session, on each backend as there."""

import threading
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from flask import (
    Flask,
    Request,
    Response,
    copy_current_request_context,
    render_template_string,
    request_finished,
    session,
)
from flask.json.tag import JSONTag, TaggedJSONSerializer
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from backends import Backend, init_app, lister_of
from backends.store import StoreUnavailable
from tests.backends.contract.stage import Act, MakeApp, Stage, begin_anew, set_cookie
from tests.backends.places import CLASSES, only_on
from tests.support.bare import make_plain
from tests.support.cases import case
from tests.support.failures import raising


def test_the_session_has_the_public_names_of_flasks_and_no_others(stage: Stage) -> None:
    stage.visit(lambda: [name for name in dir(session) if not name.startswith("_")])
    assert set(stage.result) <= {*dir(SecureCookieSession)} | {"on_update"}


def test_a_template_sees_keys_and_no_names_of_ours(stage: Stage) -> None:
    for name in ("loaded", "saved", "changes", "fields", "id", "sid", "cookie"):
        stage.put(**{name: "mine"})
        shown = f"{{{{ session.{name} }}}}"
        assert stage.visit(partial(render_template_string, shown)).text == "mine"


def test_false_holds_back_what_changed_until_then(stage: Stage) -> None:
    def change(how: Act, later: dict[str, Any]) -> None:
        how()
        session.modified = False
        if later:
            session.update(later)

    stage.put(a=1)
    for how in (lambda: session.update(a=2, b=3), lambda: session.clear()):
        assert set_cookie(stage.visit(partial(change, how, {}))) is None
        assert stage.held() == {"a": 1}
    stage.visit(partial(change, lambda: session.update(a=2), {"b": 3}))
    assert stage.held() == {"a": 2, "b": 3}


CHANGES: tuple[Act, ...] = (
    lambda: session.update(a=2),
    lambda: session["list"].append(2),
    lambda: begin_anew(user="bob"),
    lambda: session.clear(),
    lambda: session.pop("a"),
)


class TestSavedTwice:
    @pytest.mark.parametrize("begin", [{"a": 1, "list": [1]}, {}], ids=["known", "new"])
    def test_the_second_goes_on_from_the_first(self, stage: Stage, begin: dict[str, Any]) -> None:
        def save_early(change: Act, again: Act) -> None:
            change()
            stage.app.session_interface.save_session(stage.app, session, Response())
            again()
            expected.update(session)

        for number, change in enumerate(CHANGES if begin else CHANGES[:1]):
            for again in (lambda: None, lambda: session.update(later=1)):
                with case((number, again)):
                    expected: dict[str, Any] = {}
                    stage.open_another_browser()
                    stage.put(**begin)
                    stage.visit(partial(save_early, change, again))
                    assert stage.held() == expected

    def test_a_value_that_is_set_back_is_saved(self, stage: Stage) -> None:
        def save_early() -> None:
            first = session["a"]
            session["a"] = "another"
            stage.app.session_interface.save_session(stage.app, session, Response())
            session["a"] = first

        stage.put(a="first")
        stage.visit(save_early)
        assert stage.held() == {"a": "first"}

    def test_one_that_could_not_be_read_may_begin_anew(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def save_early() -> None:
            with monkeypatch.context() as patch:
                fail = raising(StoreUnavailable, "it is down")
                patch.setattr(stage.app.session_interface, "_tokens", fail)
                with pytest.raises(StoreUnavailable):
                    session.get("a")
            begin_anew(a=2)
            stage.app.session_interface.save_session(stage.app, session, Response())
            session["b"] = 3

        stage.put(a=1)
        stage.visit(save_early)
        assert stage.held() == {"a": 2, "b": 3}

    def test_an_error_after_the_save_loses_nothing(self, make_app: MakeApp) -> None:
        stage = Stage(make_app(TESTING=False, PROPAGATE_EXCEPTIONS=False))
        with request_finished.connected_to(raising(ValueError), stage.app):
            response = stage.visit(lambda: begin_anew(user="ada"))
        assert (response.status_code, stage.held()) == (500, {"user": "ada"})


def test_two_threads_load_one_session(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second load begins before the first has ended, and ends after a write."""
    interface: Any = stage.app.session_interface
    load = interface._load
    first_is_in, wrote = threading.Event(), threading.Event()

    def load_slowly(*args: Any) -> Any:
        loaded = load(*args)
        if threading.current_thread() is not threading.main_thread():
            first_is_in.set()
            wrote.wait(0.2)
        return loaded

    def write_while_a_thread_reads() -> None:
        reader = threading.Thread(target=copy_current_request_context(lambda: session.get("a")))
        reader.start()
        first_is_in.wait(5)
        session["b"] = 2
        wrote.set()
        reader.join()

    stage.put(a=1)
    monkeypatch.setattr(interface, "_load", load_slowly)
    stage.visit(write_while_a_thread_reads)
    assert stage.held() == {"a": 1, "b": 2}


class TestOnlyPermanent:
    def test_a_store_keeps_nothing_for_it(self, make_app: MakeApp, backend: Backend) -> None:
        app = make_app()
        app.before_request(lambda: setattr(session, "permanent", True))
        stage = Stage(app)
        begun = [set_cookie(stage.visit()) for _ in range(3)]
        assert [cookie is None for cookie in begun] == [backend.state == "server"] * 3
        stage.put(a=1)
        assert stage.held() == {"_permanent": True, "a": 1}

    def test_a_session_that_becomes_it_ends(self, stage: Stage, backend: Backend) -> None:
        stage.put(user="ada")
        stage.visit(lambda: setattr(session, "permanent", True))
        stage.visit(lambda: session.pop("user"))
        assert stage.held() == ({} if backend.state == "server" else {"_permanent": True})

    def test_it_can_be_read_after_it_was_saved(self, stage: Stage) -> None:
        """As by a function at the end of the request, and by a test that keeps its context."""
        stage.put(user="ada", _permanent=True)
        with stage.client:
            stage.visit(lambda: session.pop("user"))
            assert dict(session) == {"_permanent": True}


class TagComplex(JSONTag):
    __slots__ = ()
    key = " c"

    def check(self, value: Any) -> bool:
        return isinstance(value, complex)

    def to_json(self, value: complex) -> list[float]:
        return [value.real, value.imag]

    def to_python(self, value: list[float]) -> complex:
        return complex(*value)


class TagSeconds(JSONTag):
    __slots__ = ()
    key = " d"

    def check(self, value: Any) -> bool:
        return isinstance(value, datetime)

    def to_json(self, value: datetime) -> int:
        return int(value.timestamp())

    def to_python(self, value: int) -> datetime:
        return datetime.fromtimestamp(value, UTC)


class TestTags:
    @pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
    def test_an_application_may_register_its_own(
        self, stage: Stage, backend: Backend, monkeypatch: pytest.MonkeyPatch, before: bool
    ) -> None:
        app = make_plain(**stage.app.config)
        # Flask's interface is one for all applications of a process: each would have the tag.
        own = type(app.session_interface.serializer)()  # type: ignore[attr-defined]
        monkeypatch.setattr(app.session_interface, "serializer", own)
        if before:
            own.register(TagComplex, index=0)
        init_app(app, backend.name)
        if not before:
            app.session_interface.serializer.register(TagComplex)  # type: ignore[attr-defined]
        there = Stage(app)
        there.put(point=1 + 2j, nested=[{"at": 3j}])
        assert there.held() == {"point": 1 + 2j, "nested": [{"at": 3j}]}

    @only_on(CLASSES)
    def test_one_may_take_the_place_of_flasks(self, bare_app: Flask, backend: Backend) -> None:
        app = make_plain(**bare_app.config)
        app.session_interface = SecureCookieSessionInterface()
        own = TaggedJSONSerializer()
        own.register(TagSeconds, force=True, index=0)
        app.session_interface.serializer = own
        init_app(app, backend.name)
        stage = Stage(app)
        stage.put(at=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC))
        assert stage.held() == {"at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)}

    @only_on(CLASSES)
    def test_what_one_reads_no_more_can_be_written_over(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The rows that it names may be gone, or its class have another form by now."""
        stage.app.session_interface.serializer.register(TagComplex)  # type: ignore[attr-defined]
        stage.put(point=1j, user="ada")
        monkeypatch.setattr(TagComplex, "to_python", raising(LookupError))
        stage.put(point=[0, 1])
        assert stage.held() == {"point": [0, 1], "user": "ada"}


def test_the_application_s_class_of_responses_sets_the_cookie(stage: Stage) -> None:
    class Strict(Response):
        def set_cookie(self, *args: Any, **more: Any) -> None:
            super().set_cookie(*args, **{**more, "samesite": "Strict"})

    stage.app.response_class = Strict
    stage.put(a=1)
    for act in (lambda: session.update(a=2), begin_anew):
        assert "SameSite=Strict" in (set_cookie(stage.visit(act)) or "")


def test_the_application_s_class_of_requests_finds_the_cookie(stage: Stage) -> None:
    class FromHeader(Request):
        @property
        def cookies(self) -> Any:
            return {"session": self.headers.get("X-Session")}

    stage.put(a=1)
    token = stage.token
    stage.app.request_class = FromHeader
    for header, held in ((token, {"a": 1}), ("", {})):
        stage.open_another_browser()
        stage.client.environ_base["HTTP_X_SESSION"] = header
        assert stage.held() == held


def test_an_owned_session_is_saved_without_a_context(make_app: MakeApp) -> None:
    app = make_app(SESSION_OWNER="user")
    request = app.request_class({"HTTP_USER_AGENT": "curl", "REMOTE_ADDR": "10.0.0.1"})
    opened = app.session_interface.open_session(app, request)
    assert opened is not None
    opened["user"] = "ada"
    response = Response()
    app.session_interface.save_session(app, opened, response)
    assert set_cookie(response)
    if interface := lister_of(app):
        [owned] = interface.sessions_of("ada")
        assert (owned.agent, owned.address) == ("curl", "10.0.0.1")


def open_with(stage: Stage, *tokens: str) -> dict[str, Any]:
    """The session of a request with these cookies, which has no context."""
    header = "; theme=dark; ".join(f"session={token}" for token in tokens)
    request = stage.app.request_class({"HTTP_COOKIE": header})
    return dict(stage.app.session_interface.open_session(stage.app, request) or {})


class TestTwoCookiesOfOneName:
    def test_the_first_that_is_valid_counts_of_four(self, stage: Stage) -> None:
        stage.put(user="ada")
        token = stage.token
        for first in ("OLD", "a.b.c", "", "made.up"):
            with case(first):
                assert open_with(stage, first) == {}
                assert open_with(stage, first, token) == {"user": "ada"}
        assert open_with(stage, *["x.y"] * 3, token) == {"user": "ada"}
        assert open_with(stage, *["x.y"] * 4, token) == {}

    def test_an_ended_one_before_a_living_one(self, stage: Stage, backend: Backend) -> None:
        stage.put(user="old")
        old = stage.token
        stage.visit(lambda: begin_anew(user="ada"))
        held = open_with(stage, old, stage.token)
        assert held == {"user": "ada" if backend.revocable else "old"}


class TestSharedSessions:
    def test_two_applications_share_by_a_name(
        self, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        front, back = (Stage(make_app(SESSION_APP_NAME="shop")) for _ in range(2))
        monkeypatch.setattr(back.app, "name", "back")
        front.put(user="ada")
        back.token = front.token
        assert back.held() == {"user": "ada"}

    def test_one_interface_serves_two_applications(self, make_app: MakeApp) -> None:
        """Each by its own key, also where one asks the other in the middle of a request."""
        front = Stage(make_app(SECRET_KEY="a" * 64, SESSION_APP_NAME="front"))
        back = Stage(make_app(SECRET_KEY="b" * 64, SESSION_APP_NAME="back"))
        back.app.session_interface = front.app.session_interface

        def ask() -> None:
            session["before"] = 1
            back.put(there=1)
            session["after"] = 2

        front.visit(ask)
        assert (front.held(), back.held()) == ({"before": 1, "after": 2}, {"there": 1})
