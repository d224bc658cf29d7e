"""How long a session lives: clocks that are set, and sessions that are remembered."""

import time
from datetime import timedelta

import pytest
from flask import Flask, session

from backends import Backend
from tests.backends.contract.stage import MakeApp, Stage, set_cookie
from tests.backends.places import CLASSES, only_on
from tests.support.bare import make_bare
from tests.support.clock import SetClock

pytestmark = only_on(CLASSES)


def test_the_clock_is_asked_when_it_is_needed(
    bare_app: Flask, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`time.time` may be replaced after the import, as freezegun does, even by the epoch."""
    settings = {**bare_app.config, "PERMANENT_SESSION_LIFETIME": 60}
    stage = Stage(make_bare(backend.name, **settings))
    with monkeypatch.context() as epoch:
        epoch.setattr(time, "time", lambda: 0.0)
        stage.put(a=1)
        assert stage.held() == {"a": 1}
    stage.put(a=1)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert stage.held() == {}


def test_a_page_that_reads_prolongs_nothing_however_long_a_lifetime_is(
    make_app: MakeApp, backend: Backend
) -> None:
    stage, asked = Stage(make_app(PERMANENT_SESSION_LIFETIME=timedelta(days=999_999))), list[str]()
    stage.put(a=1)
    if backend.watch is not None:
        backend.watch(stage.app, asked.append)
    assert set_cookie(stage.visit(lambda: session.get("a"))) is None
    assert stage.result == 1
    assert {*asked} <= {"read"}


LIMITS = {"PERMANENT_SESSION_LIFETIME": 8 * 3600, "SESSION_ABSOLUTE_LIFETIME": 24 * 3600}


class TestClocksSetBack:
    def test_a_session_from_the_future_is_over_and_the_log_says_why(
        self, make_app: MakeApp, clock: SetClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Or many users would be logged out, and nobody would know why."""
        stage = Stage(make_app(**LIMITS))
        stage.put(a=1)
        clock.forward(-59)  # a clock that is a minute late is none
        assert stage.held() == {"a": 1}
        clock.forward(59 - 6 * 3600)
        caplog.clear()
        assert stage.held() == {}
        (said,) = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
        assert "21600 seconds from now" in said
        assert "Set the clocks of all servers right" in said

    def test_so_is_one_used_in_the_future(self, make_app: MakeApp, clock: SetClock) -> None:
        stage = Stage(make_app(**LIMITS))
        stage.put(a=1)
        clock.forward(7 * 3600)
        stage.put(a=2)
        clock.forward(-6 * 3600)
        assert stage.held() == {}


def test_only_a_permanent_session_is_remembered(make_app: MakeApp, clock: SetClock) -> None:
    limits = {"PERMANENT_SESSION_LIFETIME": 1800, "SESSION_ABSOLUTE_LIFETIME": 7200}
    stage = Stage(make_app(**limits, SESSION_REMEMBERED_LIFETIME=30 * 24 * 3600))
    stage.put(user="bob")
    short = stage.client
    stage.open_another_browser()
    assert "Expires" in (set_cookie(stage.put(_permanent=True, user="ada")) or "")
    long = stage.client
    clock.forward(29 * 24 * 3600)
    for client, user in ((short, None), (long, "ada")):
        stage.client = client
        assert stage.held().get("user") == user
    clock.forward(2 * 24 * 3600)
    assert stage.held() == {}


def read() -> None:
    session.get("user")


def test_a_remembered_session_is_written_by_few_pages(make_app: MakeApp, clock: SetClock) -> None:
    """Both of its limits are the same: it has less than its idle limit left from the first."""
    limits = {"SESSION_REMEMBERED_LIFETIME": 1000, "SESSION_REFRESH_EACH_REQUEST": False}
    stage = Stage(make_app(**limits))
    stage.put(user="ada", _permanent=True)
    clock.forward(500)
    assert [set_cookie(stage.visit(read)) is None for _ in range(3)] == [False, True, True]


def test_a_limit_that_is_raised_counts_from_the_next_use(
    make_app: MakeApp, clock: SetClock
) -> None:
    stage = Stage(make_app(PERMANENT_SESSION_LIFETIME=60))
    stage.put(user="ada")
    stage.app.config["PERMANENT_SESSION_LIFETIME"] = 3600
    for _ in range(3):
        assert stage.held() == {"user": "ada"}
        clock.forward(59)


def test_modified_alone_keeps_a_session_alive(make_app: MakeApp, clock: SetClock) -> None:
    """As many do before each request in Flask, where pages seldom look at the session."""
    stage = Stage(make_app(PERMANENT_SESSION_LIFETIME=1000))
    stage.put(user="ada")
    for _ in range(3):
        clock.forward(700)
        assert set_cookie(stage.visit(lambda: setattr(session, "modified", True))) is not None
    assert stage.held() == {"user": "ada"}
