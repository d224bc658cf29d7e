"""The rows of `docs/differences.md` that no other test of the contract shows."""

from datetime import datetime
from threading import Thread
from typing import Any

import pytest
from flask import copy_current_request_context, jsonify, session
from flask.globals import request_ctx
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from tests.backends.contract.stage import MakeApp, Stage, set_cookie


def test_it_is_no_dict(stage: Stage) -> None:
    stage.put(a=1)
    stage.visit(lambda: isinstance(session._get_current_object(), dict))  # type: ignore[attr-defined]
    assert stage.result is False


def test_jsonify_takes_a_dict_of_it(stage: Stage) -> None:
    stage.put(a=1)
    assert stage.visit(lambda: jsonify(dict(session))).get_json() == {"a": 1}
    with pytest.raises(TypeError):
        stage.visit(lambda: jsonify(session))


def test_a_naive_time_comes_back_naive_and_whole(stage: Stage) -> None:
    moment = datetime(2026, 5, 4, 3, 2, 1, 987654)
    stage.put(at=moment)
    assert stage.held() == {"at": moment}


def test_a_set_is_refused_with_its_key(stage: Stage) -> None:
    with pytest.raises(TypeError, match="tags"):
        stage.put(tags={1, 2})


def test_numbers_as_keys_become_text(stage: Stage) -> None:
    stage.put(counts={1: "a"})
    assert stage.held() == {"counts": {"1": "a"}}


def test_without_a_key_nothing_is_kept(make_app: MakeApp) -> None:
    stage = Stage(make_app(SECRET_KEY=None))
    with pytest.raises(RuntimeError, match="secret key"):
        stage.put(a=1)


def test_a_session_ends_with_the_browser_by_default(stage: Stage) -> None:
    assert "Expires" not in (set_cookie(stage.put(a=1)) or "")


def test_a_cookie_of_flasks_own_is_not_read(stage: Stage) -> None:
    flasks = SecureCookieSessionInterface().get_signing_serializer(stage.app)
    assert flasks is not None
    stage.client.set_cookie("session", flasks.dumps({"user": "ada"}), domain="shop.example.com")
    assert stage.held() == {}


def test_what_a_thread_changes_after_its_request_is_not_saved(stage: Stage) -> None:
    threads: list[Thread] = []

    def leave_a_thread() -> None:
        change: Any = copy_current_request_context(lambda: session.update(late=1))
        threads.append(Thread(target=change))
        session["a"] = 2

    stage.put(a=1)
    stage.visit(leave_a_thread)
    threads[0].start()
    threads[0].join()
    assert stage.held() == {"a": 2}


def test_a_session_in_its_place_is_refused(stage: Stage) -> None:
    def replace() -> None:
        context: Any = request_ctx
        context._session = SecureCookieSession({"b": 2})

    stage.put(a=1)
    with pytest.raises(TypeError, match="replaced by a SecureCookieSession"):
        stage.visit(replace)
    assert stage.held() == {"a": 1}
