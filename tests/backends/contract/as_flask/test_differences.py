"""The rows of `docs/differences.md` that no other test of the contract shows."""

from threading import Thread
from typing import Any

import pytest
from flask import copy_current_request_context, jsonify, session
from flask.globals import request_ctx
from flask.sessions import SecureCookieSession

from tests.backends.contract.stage import Stage


def test_it_is_no_dict(stage: Stage) -> None:
    stage.put(a=1)
    assert stage.visit(lambda: jsonify(dict(session))).get_json() == {"a": 1}
    with pytest.raises(TypeError):
        stage.visit(lambda: jsonify(session))
    stage.visit(lambda: isinstance(session._get_current_object(), dict))  # type: ignore[attr-defined]
    assert stage.result is False


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
