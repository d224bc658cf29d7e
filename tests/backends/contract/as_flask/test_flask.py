"""Flask and a session: the test client, kinds of requests, a freed application."""

import gc
import weakref
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
from flask import (
    Flask,
    Response,
    abort,
    copy_current_request_context,
    current_app,
    session,
    stream_with_context,
)

from backends import Backend, init_app
from tests.backends.contract.stage import HOST, Act, MakeApp, Stage, begin_anew
from tests.backends.places import CLASSES, only_on
from tests.support.bare import make_plain


class TestTheTestClient:
    def test_a_session_transaction_finds_what_a_view_wrote(self, stage: Stage) -> None:
        stage.put(cart=["apple"])
        before = stage.token
        with stage.client.session_transaction(base_url=HOST) as opened:
            assert dict(opened) == {"cart": ["apple"]}
        assert stage.token == before
        with stage.client.session_transaction(base_url=HOST) as opened:
            opened["cart"].append("pear")
            opened.modified = True
        assert stage.held() == {"cart": ["apple", "pear"]}

    def test_a_session_transaction_may_end_the_session(self, stage: Stage) -> None:
        stage.put(a=1)
        with stage.client.session_transaction(base_url=HOST) as opened:
            opened.clear()
        assert stage.held() == {}
        assert stage.client.get_cookie("session", "shop.example.com") is None


class TestRequestsOfEveryKind:
    @pytest.mark.parametrize(
        ("fail", "status"),
        [(lambda: abort(403), 403), (lambda: [][0], 500)],
        ids=["abort", "exception"],
    )
    def test_what_was_set_before_an_error_is_kept(
        self, make_app: MakeApp, fail: Act, status: int
    ) -> None:
        stage = Stage(make_app(TESTING=False, PROPAGATE_EXCEPTIONS=False))
        assert stage.visit(lambda: (session.update(a=1), fail())).status_code == status
        assert stage.held() == {"a": 1}

    def test_a_streamed_answer_reads_the_session(self, stage: Stage) -> None:
        def pieces() -> Iterator[str]:
            yield from session["words"]

        stage.put(words=["one ", "two"])
        assert stage.visit(lambda: Response(stream_with_context(pieces()))).text == "one two"


class Meanwhile:
    """A value: while it is encoded, another thread of the request writes and reads the session."""

    def __html__(self) -> str:
        name = f"late-{id(self)}"
        use = copy_current_request_context(lambda: (session.update({name: 1}), dict(session)))
        thread = Thread(target=use)
        thread.start()
        thread.join()
        return "text"


@pytest.mark.parametrize(
    ("change", "kept"),
    [(lambda **values: session.update(values), {"a": 1}), (begin_anew, {})],
    ids=["update", "login"],
)
def test_a_thread_may_use_it_meanwhile(stage: Stage, change: Any, kept: dict[str, int]) -> None:
    stage.put(a=1)
    response = stage.visit(lambda: change(user="ada", first=Meanwhile(), second=Meanwhile()))
    assert response.status_code == 200
    expected = {**kept, "user": "ada", "first": "text", "second": "text"}
    assert stage.held().items() >= expected.items()


@only_on(CLASSES)
def test_it_may_be_installed_in_the_current_application(bare_app: Flask, backend: Backend) -> None:
    app = make_plain(**bare_app.config)
    with app.app_context():
        init_app(current_app, backend.name)
    stage = Stage(app)
    stage.put(a=1)
    assert stage.held() == {"a": 1}


@only_on(CLASSES)
def test_its_own_way_to_call_asynchronous_functions_stays(
    bare_app: Flask, backend: Backend
) -> None:
    driven = []

    def drive(function: Any) -> Act:
        driven.append(function)

        def call() -> Any:
            with pytest.raises(StopIteration) as ended:
                function().send(None)
            return ended.value.value

        return call

    async def begin() -> str:
        session["a"] = 1
        return "begun"

    app = make_plain(**bare_app.config)
    app.async_to_sync = drive  # type: ignore[assignment,method-assign]
    init_app(app, backend.name)
    app.add_url_rule("/begin", view_func=begin)
    assert app.test_client().get("/begin").text == "begun"
    assert driven == [begin]


def test_an_application_that_is_no_longer_used_is_freed_at_once(make_app: MakeApp) -> None:
    """As Flask promises: by its reference count, without the garbage collector."""
    # The script's first use fails in fakeredis, which keeps that error and all that led to it.
    warm_up = Stage(make_app())
    warm_up.put(a=1)
    warm_up.put(a=2)

    app = make_app()
    app.add_url_rule("/", view_func=lambda: str(session.setdefault("a", 1)))
    with app.test_client() as client:
        for _ in range(2):
            assert client.get("/").text == "1"
    del client

    gone = weakref.ref(app)
    gc.collect()
    gc.disable()
    try:
        del app
        assert gone() is None
    finally:
        gc.enable()
