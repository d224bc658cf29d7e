"""What the log says of logins and sessions, in which form, and what it never says."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, session

from app.accounts.guesses import BY_ADDRESS
from app.accounts.sessions import end_session
from app.factory import build_sessions_app
from backends import StoreUnavailable, interface_of
from backends.audit_log import name_of_session
from tests.app.accounts.conftest import find_handles
from tests.app.conftest import MakeLab
from tests.conftest import SECRET
from tests.support.covers import covers
from tests.support.visitor import Visitor

LOGGERS = ("app", "backends")


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.level, list(logger.handlers)) for logger in loggers]
    yield
    for logger, (level, handlers) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.handlers = handlers


@pytest.fixture
def app(make_lab: MakeLab) -> Flask:
    return make_lab("filesystem")


@pytest.fixture
def production(make_lab: MakeLab) -> Visitor:
    return Visitor(make_lab("filesystem", in_production=True))


def events(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.event for record in caplog.records if hasattr(record, "event")]


def the(event: str, caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """The one event of that name."""
    [found] = [found for found in events(caplog) if found["event"] == event]
    return found


class TestEvents:
    @covers("16.3.1", "SM-34")
    def test_login_and_logout_name_session_user_and_address(
        self, app: Flask, caplog: pytest.LogCaptureFixture
    ) -> None:
        visitor = Visitor(app)
        visitor.log_in()
        visitor.post("/logout")
        login, logout = the("login", caplog), the("logout", caplog)
        begun, ended = the("session begun", caplog), the("session ended", caplog)
        assert login["user"] == logout["user"] == "alice"
        assert login["address"] == logout["address"] == "127.0.0.1"
        assert len({event["session"] for event in (login, logout, begun, ended)}) == 1
        assert {record.levelname for record in caplog.records} == {"INFO"}
        caplog.clear()
        visitor.post("/logout")  # of nobody
        assert events(caplog) == []

    @covers("16.3.1")
    def test_a_failed_login_names_who_was_tried_and_from_where(
        self, app: Flask, caplog: pytest.LogCaptureFixture
    ) -> None:
        Visitor(app).log_in("mallory", "typed-in-error")
        failed = the("login failed", caplog)
        assert (failed["user"], failed["address"]) == ("mallory", "127.0.0.1")
        assert "typed-in-error" not in str(events(caplog))

    def test_logins_beyond_the_limit_are_one_event_a_second(
        self, app: Flask, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("backends.timing.throttle.time.monotonic", lambda: 1000.0)
        visitor = Visitor(app)
        for _ in range(BY_ADDRESS + 5):
            visitor.log_in("alice", "wrong")
        limited = the("login limited", caplog)
        assert (limited["user"], limited["address"]) == ("alice", "127.0.0.1")

    def test_a_refused_session_is_not_logged(
        self, app: Flask, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def down(*_: object) -> None:
            raise StoreUnavailable("down")

        visitor = Visitor(app).logged_in()
        caplog.clear()
        for verb in ("create", "delete"):
            monkeypatch.setattr(interface_of(app).store, verb, down)
        for refused in (visitor.post("/logout"), Visitor(app).log_in()):
            assert refused.status_code == 503
        assert {"login", "logout"} & {found["event"] for found in events(caplog)} == set()

    def test_a_revoked_session_is_named_as_at_its_login(
        self, app: Flask, caplog: pytest.LogCaptureFixture
    ) -> None:
        Visitor(app).log_in()
        with app.test_request_context():
            session["user"] = "bob"
            end_session("alice", find_handles(app)[0])
        assert the("session revoked", caplog)["session"] == the("login", caplog)["session"]
        ended = the("sessions ended", caplog)
        assert (ended["user"], ended["by"], ended["ended"]) == ("alice", "bob", 1)

    def test_a_forged_token_is_an_event(self, app: Flask, caplog: pytest.LogCaptureFixture) -> None:
        Visitor(app, "made.up").get("/dashboard")
        assert the("forged token", caplog)["address"] == "127.0.0.1"

    def test_a_session_has_another_name_under_another_key(self, app: Flask) -> None:
        before = name_of_session(app, "id")
        app.config["SECRET_KEY"] = SECRET[::-1]
        assert name_of_session(app, "id") != before


class TestForm:
    def test_production_writes_one_json_object_a_line(
        self, production: Visitor, capsys: pytest.CaptureFixture[str]
    ) -> None:
        production.log_in()
        production.log_in("mal\nlory\u2028", "wrong")
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        assert [line["event"] for line in lines] == ["session begun", "login", "login failed"]
        login, failed = lines[1:]
        assert list(login) == ["time", "level", "event", "session", "user", "address"]
        assert login["time"].endswith("+00:00")
        assert login["level"] == "INFO"
        assert failed["user"] == "mal\nlory\u2028"

    def test_development_writes_one_line_for_people(
        self, app: Flask, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Visitor(app).log_in("mal\nlory\x1b[31m", "wrong")
        [line] = capsys.readouterr().err.splitlines()
        assert line.endswith(r'INFO login failed user="mal\nlory\u001b[31m" address="127.0.0.1"')

    def test_a_failure_in_development_is_a_line_and_a_traceback(
        self, app: Flask, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def fails(name: str) -> str:
            raise RuntimeError(name)

        app.view_functions["public_pages.user"] = fails
        assert Visitor(app).get("/user/mal%0alory%1b[31m").status_code == 500
        first, *traceback, _, last = capsys.readouterr().err.splitlines()
        assert r"ERROR Exception on /user/mal\nlory\u001b[31m [GET]" in first
        assert all(line.startswith(("Traceback", "  ")) for line in traceback)
        assert last == r"lory\u001b[31m"

    def test_a_failure_of_the_application_is_one_json_object_too(
        self, production: Visitor, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def fails() -> str:
            raise RuntimeError("no luck")

        production.app.view_functions["public_pages.user"] = lambda name: fails()
        assert production.get("/user/alice").status_code == 500
        [line] = capsys.readouterr().err.splitlines()
        failure = json.loads(line)
        assert (failure["level"], failure["logger"]) == ("ERROR", "app")
        assert "RuntimeError: no luck" in failure["error"]

    def test_several_applications_in_a_process_write_each_line_once(
        self, make_lab: MakeLab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setenv("SESSION_BACKEND", "cookie")
            build_sessions_app()  # as a command does
        visitor = Visitor(make_lab(None))
        visitor.post("/cookie/login", username="alice", password="wonderland")
        written = capsys.readouterr().err
        assert written.count("INFO login ") == 1
        assert written.count("INFO session begun ") == 1

    def test_a_log_that_was_configured_before_gets_the_records_too(self, app: Flask) -> None:
        seen = logging.StreamHandler(io.StringIO())
        logging.getLogger().addHandler(seen)
        try:
            Visitor(app).log_in()
        finally:
            logging.getLogger().removeHandler(seen)
        assert seen.stream.getvalue().splitlines() == ["session begun", "login"]
