"""A store that fails: what each kind of page answers, and that nothing is dropped in silence.

What a real server or folder does when it fails is in `tests/system/chaos`.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from flask import Response, abort, render_template_string, send_file, session
from werkzeug.exceptions import HTTPException, NotFound

from backends import StoreUnavailable, interface_of
from tests.backends.contract.stage import HOST, Act, MakeApp, Stage, begin_anew, set_cookie
from tests.backends.places import A_STORE, only_on
from tests.support.cases import case
from tests.support.clock import SetClock
from tests.support.covers import HAS_STORE, covers
from tests.support.failures import raising
from tests.support.services import left_to_it

pytestmark = only_on(A_STORE)

Either = Callable[[Callable[..., Any]], Callable[..., Any]]

WRITES = ("update", "update_loaded", "touch")
VERBS = ("create", "load", "delete", *WRITES)
PRODUCTION = {"TESTING": False, "PROPAGATE_EXCEPTIONS": False}


@contextmanager
def failing(stage: Stage, *verbs: str) -> Iterator[None]:
    """The verbs of the application's store fail meanwhile, all of them unless some are named."""
    store, fail = interface_of(stage.app).store, raising(StoreUnavailable, "it is down")
    with pytest.MonkeyPatch.context() as meanwhile:
        for verb in verbs or VERBS:
            if hasattr(store, verb):
                meanwhile.setattr(store, verb, fail)
        yield


@pytest.fixture
def stage(make_app: MakeApp) -> Stage:
    """A browser that is logged in."""
    stage = Stage(make_app(**PRODUCTION))

    @stage.app.errorhandler(HTTPException)
    def show(error: HTTPException) -> Any:
        said = f"{error.code} for {session.get('user', 'nobody')}"
        return said, error.code, {"Retry-After": "1" if error.code == 503 else "none"}

    stage.put(user="ada")
    return stage


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def either(request: pytest.FixtureRequest) -> Iterator[Either]:
    """Makes a function asynchronous, or leaves it as it is: Flask takes both."""

    def make(function: Callable[..., Any]) -> Callable[..., Any]:
        async def later(*arguments: Any) -> Any:
            return function(*arguments)

        return later if request.param else function

    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)  # Playwright's runs on between the tests
    yield make
    asyncio._set_running_loop(loop)


def test_a_page_that_needs_the_session_is_503(stage: Stage) -> None:
    with failing(stage):
        response = stage.visit(lambda: session["user"])
    assert (response.status_code, response.text) == (503, "503 for nobody")
    assert response.headers["Retry-After"] == "1"
    assert set_cookie(response) is None


@pytest.mark.parametrize("permanent", [False, True])
def test_a_page_that_does_not_is_200(make_app: MakeApp, clock: SetClock, permanent: bool) -> None:
    """Nor does a renewal that fails change an answer."""
    stage = Stage(make_app(SESSION_PERMANENT=permanent, PERMANENT_SESSION_LIFETIME=1000))
    stage.put(user="ada")
    with failing(stage):
        public = stage.visit(lambda: "public")
    clock.forward(500)
    with failing(stage, *WRITES):
        renewed = stage.visit(lambda: session["user"])
    for response, text in ((public, "public"), (renewed, "ada")):
        assert (response.status_code, response.text) == (200, text)
        assert set_cookie(response) is None


class TestMadePermanentBeforeEachRequest:
    @pytest.fixture
    def stage(self, make_app: MakeApp) -> Stage:
        stage = Stage(make_app(**PRODUCTION))
        stage.app.before_request(lambda: setattr(session, "permanent", True))
        stage.put(user="ada")
        return stage

    def test_a_page_that_needs_no_more_of_it_is_answered(self, stage: Stage) -> None:
        with failing(stage):
            for path, status in (("/", 200), ("/static/missing", 404)):
                response = stage.visit(lambda: "public", path)
                assert response.status_code == status
                assert set_cookie(response) is None

    def test_what_needs_more_of_it_is_503(self, stage: Stage) -> None:
        uses: dict[str, Act] = {
            "get": lambda: session.get("user"),
            "in": lambda: "user" in session,
            "update": lambda: session.update(user="bob"),
            "dict": lambda: dict(session),
            "not permanent": lambda: setattr(session, "permanent", False),
        }
        with failing(stage):
            for name, use in uses.items():
                with case(name):
                    assert stage.visit(use).status_code == 503
        assert stage.held() == {"_permanent": True, "user": "ada"}


@pytest.mark.parametrize("verbs", [VERBS, WRITES], ids=["all", "writes"])
def test_a_page_that_was_only_modified_is_answered(stage: Stage, verbs: tuple[str, ...]) -> None:
    with failing(stage, *verbs):
        assert stage.visit(lambda: setattr(session, "modified", True)).status_code == 200
    assert stage.held() == {"user": "ada"}


@pytest.mark.parametrize(("refuse", "status"), [(lambda: abort(404), 404), (lambda: [][0], 500)])
def test_an_error_page_may_look_at_the_session(
    stage: Stage, refuse: Any, status: int, either: Either
) -> None:
    shown = stage.app.error_handler_spec[None][None]
    shown[HTTPException] = either(shown[HTTPException])
    with failing(stage):
        response = stage.visit(refuse)
    assert (response.status_code, response.text) == (status, f"{status} for nobody")


def test_an_error_page_may_ask_for_another_page(stage: Stage) -> None:
    """The other is no error page: it must not take everybody for a visitor."""
    inner: dict[str, Any] = {}

    def ask(_: Exception) -> tuple[str, int]:
        stage._act = lambda: session.get("user", "nobody")
        answer = stage.client.get("/inner", base_url=HOST)
        inner.update(status=answer.status_code, text=answer.text)
        return "asked", 404

    stage.app.error_handler_spec[None][404] = {NotFound: ask}
    with failing(stage):
        assert stage.visit(lambda: abort(404)).text == "asked"
    assert inner == {"status": 503, "text": "503 for nobody"}


def test_a_function_after_the_request_may_look_at_it(make_app: MakeApp, either: Either) -> None:
    """As Flask-Login does for every page."""
    stage = Stage(make_app(**PRODUCTION))

    @stage.app.after_request
    @either
    def look(response: Response) -> Response:
        response.headers["X-User"] = session.get("user", "nobody")
        return response

    stage.put(user="ada")
    with failing(stage):
        response = stage.visit(lambda: "public")
        assert (response.status_code, response.headers["X-User"]) == (200, "nobody")
        assert stage.visit(lambda: session["user"]).status_code == 503


def test_a_function_at_the_end_of_the_request_may_look_at_it(
    make_app: MakeApp, either: Either
) -> None:
    stage = Stage(make_app(**PRODUCTION))
    stage.app.teardown_request(either(lambda _: session.get("user")))
    stage.put(user="ada")
    with failing(stage):
        assert stage.visit(lambda: "public").text == "public"


def test_a_function_after_the_request_that_writes_is_503(make_app: MakeApp, either: Either) -> None:
    stage = Stage(make_app(**PRODUCTION))

    @stage.app.after_request
    @either
    def write(response: Response) -> Response:
        session["seen"] = 1
        return response

    stage.put(user="ada")
    with failing(stage):
        response = stage.visit(lambda: "public")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")


def test_a_context_processor_may_look_at_the_session(make_app: MakeApp) -> None:
    stage = Stage(make_app(**PRODUCTION))
    stage.app.context_processor(lambda: {"user": session.get("user", "nobody")})

    @stage.app.errorhandler(404)
    def not_found(_: Exception) -> Any:
        return render_template_string("nothing here, {{ user }}"), 404

    stage.put(user="ada")
    with failing(stage):
        response = stage.visit(lambda: abort(404))
    assert (response.status_code, response.text) == (404, "nothing here, nobody")


class TestAfterTheFailureWasReported:
    def test_reads_are_empty_and_nothing_is_saved(self, stage: Stage) -> None:
        def look_twice() -> str:
            with pytest.raises(StoreUnavailable):
                session.get("user")
            return f"{session.get('user')} {dict(session)} {len(session)}"

        with failing(stage):
            response = stage.visit(look_twice)
        assert (response.status_code, response.text) == (200, "None {} 0")
        assert set_cookie(response) is None
        assert stage.held() == {"user": "ada"}

    def test_each_write_raises_again(self, stage: Stage) -> None:
        def write_after_it() -> None:
            with pytest.raises(StoreUnavailable):
                session.get("user")
            with pytest.raises(StoreUnavailable):
                session["a"] = 1
            session.setdefault("b", 2)

        with failing(stage):
            assert stage.visit(write_after_it).status_code == 503
        assert stage.held() == {"user": "ada"}


class TestARecordThatCannotBeRead:
    """A record of another owner, or one too large, is no reason to keep anybody in."""

    def test_a_logout_ends_it(self, stage: Stage) -> None:
        with failing(stage, "load"):
            response = stage.visit(lambda: session.clear())
        assert response.status_code == 200
        assert (set_cookie(response) or "").startswith("session=;")
        assert stage.held() == {}

    def test_a_login_replaces_it(self, stage: Stage) -> None:
        old = stage.token
        with failing(stage, "load"):
            assert stage.visit(lambda: begin_anew(name="bob")).status_code == 200
        assert stage.held() == {"name": "bob"}
        stage.token = old
        assert stage.held() == {}

    @covers("16.5.2", "16.5.3", applies=HAS_STORE)
    def test_while_all_is_down_nobody_gets_in_and_nobody_out(self, stage: Stage) -> None:
        with failing(stage):
            refused = [stage.visit(lambda: session.clear())]
            ada = stage.client
            stage.open_another_browser()
            refused.append(stage.put(user="bob"))
        for response in refused:
            assert (response.status_code, set_cookie(response)) == (503, None)
        assert stage.held() == {}
        stage.client = ada
        assert stage.held() == {"user": "ada"}


@pytest.mark.parametrize("verb", ["delete", "end_oldest"])
@pytest.mark.parametrize("failure", [StoreUnavailable("it is down"), MemoryError()])
def test_a_login_that_fails_halfway_leaves_no_session_without_a_token(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, verb: str, failure: Exception
) -> None:
    """Nobody has its token, and its owner would see it among theirs."""
    stage = Stage(make_app(**PRODUCTION, SESSION_OWNER="user", SESSION_MAX_PER_OWNER=5))
    store: Any = interface_of(stage.app).store
    if not hasattr(store, verb):
        left_to_it("this store has no lists")
    stage.put(user="ada")
    whole = getattr(store, verb)

    def refuse_once(*_: Any) -> None:
        monkeypatch.setattr(store, verb, whole)
        raise failure

    monkeypatch.setattr(store, verb, refuse_once)
    with patch.object(store, "create", wraps=store.create) as create:
        response = stage.visit(lambda: begin_anew(user="bob"))
    # Flask saves the session again with the page of an error that is no HTTP error.
    is_there = any(store.load(begun.args[0]) for begun in create.call_args_list)
    assert (response.status_code, is_there) in [(503, False), (500, True)]
    assert (set_cookie(response) is not None) is is_there


def test_a_refused_answer_keeps_nothing_of_what_it_announced(stage: Stage) -> None:
    announced = {
        *("Clear-Site-Data", "Refresh", "Expires", "Cache-Control", "Content-Language", "ETag"),
        *("Content-Location", "Content-Digest", "Content-Range", "Accept-Ranges", "Location"),
        *("X-Sendfile", "X-Accel-Redirect", "X-LIGHTTPD-send-file", "HX-Location", "HX-Redirect"),
        *("CDN-Cache-Control", "Surrogate-Control", "X-Accel-Expires"),
    }

    def log_out() -> Response:
        session.clear()
        headers = {**dict.fromkeys(announced, "/a"), "X-Frame-Options": "DENY"}
        return Response("bye", headers=headers)

    with failing(stage, "delete"):
        response = stage.visit(log_out)
    assert (response.status_code, response.text) == (503, "503 for nobody")
    assert announced.isdisjoint(response.headers.keys())
    assert response.headers["X-Frame-Options"] == "DENY"


def test_the_page_of_a_refusal_may_be_a_file_with_cookies(
    make_app: MakeApp, tmp_path: Path
) -> None:
    """As `send_file` makes it: its bytes are passed through to the server."""
    stage, file = Stage(make_app(**PRODUCTION)), tmp_path / "down.html"
    file.write_text("come back")

    @stage.app.errorhandler(503)
    def show(_: Exception) -> Response:
        page = send_file(file)
        page.status_code = 503
        page.vary.add("Accept")
        page.set_cookie("theme", "dark")
        page.set_cookie("seen", "down")
        return page

    with failing(stage, "create"):
        response = stage.put(a=1)
    assert (response.status_code, response.text) == (503, "come back")
    cookies = response.headers.getlist("Set-Cookie")
    assert cookies == ["theme=dark; Path=/", "seen=down; Path=/"]
    assert sorted(response.vary) == ["Accept", "Cookie"]


def test_what_waits_for_the_end_of_a_refused_answer_is_called_once(stage: Stage) -> None:
    ended = []

    def write() -> Response:
        session["a"] = 1
        response = Response(letter for letter in "body")
        response.call_on_close(lambda: ended.append("answer"))
        return response

    stage.open_another_browser()
    with failing(stage):
        stage.visit(write).close()
    assert ended == ["answer"]


def test_a_session_transaction_raises_what_a_page_would_answer(stage: Stage) -> None:
    with (
        failing(stage),
        pytest.raises(StoreUnavailable),
        stage.client.session_transaction(base_url=HOST) as opened,
    ):
        opened["a"] = 1
