"""What is read of the old interface, and what is not."""

import logging
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any

import pytest
from flask import Flask, Request, Response, session
from flask.sessions import SecureCookieSession, SessionInterface

from backends import Backend
from tests.backends.migration.conftest import (
    INTO_A_STORE,
    INTO_EITHER,
    Before,
    Browser,
    Switch,
    make_stock,
    old_files,
    watch_old,
)
from tests.support.bare import Views, add_views, make_bare
from tests.support.cases import case
from tests.support.clock import SetClock
from tests.support.failures import raising
from tests.support.services import RedisServer

COULD_BE_ISSUED = ("-" * 43, "12345678-1234-1234-1234-123456789012")
URL_SAFE = f"{ascii_uppercase}{ascii_lowercase}{digits}-_"
"""The letters of Base64 in their order (RFC 4648, 5)."""

HOSTILE = (
    *("", "a", "." * 5000, "é", '"', "a\\054b", "../../etc/passwd", "0" * 32, "%00%00", "*"),
    *("eyJ1c2VyIjoiYWxpY2UifQ.aScDxQ.AAAAAAAAAAAAAAAAAAAAAAAAAAA", "x" * 43 + "\x01"),
    *COULD_BE_ISSUED,
)


class Planted:
    """Creates a file when its pickle is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.path),)


class OldRedis:
    """An application on Flask-Session with Redis, whose records the test plants."""

    def __init__(self, server: RedisServer, source: str = "flask-session", **more: Any) -> None:
        self.client = server.client()
        settings = {"SESSION_TYPE": "redis", "SESSION_REDIS": self.client, **more}
        self.before = Before(make_stock({}, **settings), source, settings, True)

    def plant(self, data: bytes, token: str = "a" * 43) -> str:
        self.client.set(f"session:{token}", data)
        return token


def test_a_made_up_token_opens_nothing(
    before: Before, after: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is the old store asked for what it cannot have issued."""
    asked = watch_old(after, monkeypatch)
    for token in HOSTILE:
        with case(token):
            answer = after.test_client().get("/", headers={"Cookie": f"session={token}"})
            assert (answer.status_code, answer.get_json()) == (200, {})
    if before.keeps_record:  # Flask's own needs no store to see what is forged
        assert set(asked) <= set(COULD_BE_ISSUED)


@pytest.mark.filterwarnings("ignore:The 'use_signer' option:DeprecationWarning")
@INTO_A_STORE
def test_a_signed_id_is_verified_before_it_is_asked_for(
    redis_server: RedisServer, switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = OldRedis(redis_server, SESSION_USE_SIGNER=True).before
    after = switch(before)
    old = before.log_in()
    asked = watch_old(after, monkeypatch)
    forged = old.token[:-5] + ("A" if old.token[-5] != "A" else "B") + old.token[-4:]
    assert (Browser(after, forged).data(), asked) == ({}, [])
    assert Browser(after, old.token).data() == {"user": "alice"}


def test_the_old_store_failing_logs_nobody_out_and_is_one_line_in_the_log(
    before: Before, after: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    interface: Any = after.session_interface
    new = Browser(after, before.log_in().token)
    with monkeypatch.context() as patch:
        fail = raising(ConnectionError, 111, "nothing\nanswers there")
        patch.setattr(interface.migration.old._interface, "open_session", fail)
        for _ in range(3):
            answer = new.get("/")
            assert answer.status_code == 503
            assert "Set-Cookie" not in answer.headers
    assert new.data() == {"user": "alice"}
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "\n" not in errors[0].getMessage()


@INTO_A_STORE
def test_an_unreadable_file_logs_nobody_out(
    tmp_path: Path, switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = old_files(tmp_path, {})
    new = Browser(switch(before), before.log_in().token)
    unpatched: Any = Path.open
    refuse = raising(PermissionError, 13, "Permission denied")

    def open_elsewhere(path: Path, *more: Any, **named: Any) -> Any:
        return (refuse if path.is_relative_to(tmp_path) else unpatched)(path, *more, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", open_elsewhere)
        assert new.get("/").status_code == 503
    assert new.data() == {"user": "alice"}


@INTO_A_STORE
def test_a_pickle_in_redis_is_not_read_unless_it_is_named(
    redis_server: RedisServer, switch: Switch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    planted, old = tmp_path / "planted", OldRedis(redis_server)
    token = old.plant(pickle.dumps({"user": Planted(planted)}))
    assert Browser(switch(old.before), token).data() == {}
    assert not planted.exists()
    assert "flask-session-pickle" in caplog.text
    named = OldRedis(redis_server, "flask-session-pickle")
    token = named.plant(pickle.dumps({"user": "alice"}))
    assert Browser(switch(named.before), token).data() == {"user": "alice"}


@INTO_A_STORE
def test_a_pickle_with_a_damaged_length_opens_nothing(
    redis_server: RedisServer, switch: Switch, caplog: pytest.LogCaptureFixture
) -> None:
    old = OldRedis(redis_server, "flask-session-pickle")
    after = switch(old.before)
    for length in (b"\xff" * 8, b"\0" * 7 + b"\x10"):
        token = old.plant(pickle.PROTO + b"\x05" + pickle.BYTEARRAY8 + length)
        assert Browser(after, token).data() == {}
    assert "cannot be read" in caplog.text


@INTO_A_STORE
def test_damage_is_logged_and_opens_nothing(
    redis_server: RedisServer, switch: Switch, caplog: pytest.LogCaptureFixture
) -> None:
    old = OldRedis(redis_server)
    after = switch(old.before)
    for number, data in enumerate((b"\xff\xff", b"[1,2]", b'"text"', b"5")):
        assert Browser(after, old.plant(data, str(number) * 43)).data() == {}
    assert "cannot be read" in caplog.text


@INTO_A_STORE
def test_what_cannot_be_held_is_named(
    tmp_path: Path, switch: Switch, views: Views, caplog: pytest.LogCaptureFixture
) -> None:
    views["put"] = lambda: session.update(user="alice", seen={1, 2}, kept="yes")
    before = old_files(tmp_path, views)
    old = Browser(before.app)
    old.post("/do/put")
    assert Browser(switch(before), old.token).data() == {"user": "alice", "kept": "yes"}
    assert "session['seen'] is not moved" in caplog.text


@INTO_EITHER
def test_the_largest_value_stays_behind_if_it_does_not_fit(
    tmp_path: Path, switch: Switch, views: Views, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    noise = os.urandom(6000).hex()
    views["put"] = lambda: session.update(user="alice", noise=noise)
    before = old_files(tmp_path, views)
    old = Browser(before.app)
    old.post("/do/put")
    after = switch(before, SESSION_MAX_BYTES=5000)
    assert Browser(after, old.token).data() == {"user": "alice"}
    assert "session['noise'] is not moved: the session would be too large" in caplog.text


@INTO_EITHER
def test_a_shared_cookie_of_visitors_makes_two_sessions(switch: Switch, backend: Backend) -> None:
    before = Before(make_stock({}), "flask", {}, keeps_record=False)
    old = Browser(before.app)
    old.post("/set/language/de")
    after = switch(before)
    first, second = Browser(after, old.token, "Firefox"), Browser(after, old.token, "Chrome")
    first.get("/")
    second.get("/")
    first.post("/login")
    assert "user" not in second.data()
    # The server cannot tell the second one's cookie from a copy of the first one's.
    assert second.data() == ({} if backend.revocable else {"language": "de"})


@INTO_EITHER
def test_another_form_of_a_cookie_is_the_same_cookie(switch: Switch, backend: Backend) -> None:
    """Base64 has four letters for the last bits of a signature, and skips what is no letter."""
    before = Before(make_stock({}), "flask", {}, keeps_record=False)
    after, token = switch(before), before.log_in().token
    last = URL_SAFE.index(token[-1])
    forms = [token[:-1] + URL_SAFE[last - last % 4 + spare] for spare in range(4)]
    forms += [f"{token}{more}" for more in ("\xe9", "!!!!", "====")]

    def opened(form: str) -> dict[str, Any]:
        client = after.test_client(use_cookies=False)
        return dict(client.get("/", headers={"Cookie": f"session={form}"}).get_json())

    for form in forms:
        with case(form):
            assert opened(form) == {"user": "alice"}
    Browser(after, token).post("/logout")
    for form in forms:
        with case(form):
            assert bool(opened(form)) is not backend.revocable


@INTO_EITHER
def test_a_login_is_one_session_at_each_address(switch: Switch, backend: Backend) -> None:
    before = Before(make_stock({}), "flask", {}, keeps_record=False)
    old = before.log_in()
    after = switch(before)
    first, second = Browser(after, old.token), Browser(after, old.token)
    second.client.environ_base["REMOTE_ADDR"] = "2001:db8::1"
    assert first.get("/sid").text == second.get("/sid").text


class Dictionary(SessionInterface):
    """An application's own interface: a dict in the process, and a cookie of another name."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {"id-1": {"user": "alice"}, "id-2": {}}

    def get_cookie_name(self, app: Flask) -> str:
        return "sid"

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        found = self.kept.get(request.cookies.get("sid", ""))
        if found is None:
            return None
        opened = SecureCookieSession(found)
        opened.name = request.cookies["sid"]  # type: ignore[attr-defined]
        return opened

    def save_session(self, app: Flask, session: Any, response: Response) -> None:
        if not session:
            self.kept.pop(session.name, None)


@INTO_EITHER
def test_an_interface_of_the_applications_own(switch: Switch, backend: Backend) -> None:
    own = Dictionary()
    before = Before(make_stock({}), "", {"SESSION_MIGRATE_FROM": own}, True)
    after = switch(before)
    new = Browser(after)
    new.client.set_cookie("sid", "id-1")
    assert new.data() == {"user": "alice"}
    assert new.has_token
    assert ("id-1" in own.kept) is not backend.revocable
    assert Browser(after, "id-1").data() == {}, "it is a cookie of another name"


@INTO_EITHER
def test_one_of_ours_is_moved_to_another_of_ours(
    tmp_path: Path, make_app: Callable[..., Flask], backend: Backend, clock: SetClock
) -> None:
    where = tmp_path / "before"
    app = make_bare("filesystem", clock, SESSION_KEY_PREFIX="before:", SESSION_FILE_DIR=where)
    old = Browser(add_views(app)).logged_in()
    more = {"SESSION_MIGRATE_FROM": app.session_interface, "SESSION_MIGRATE_UNTIL": "2030-01-01"}
    assert Browser(add_views(make_app(**more)), old.token).data() == {"user": "alice"}
    assert old.data() == {} or not backend.revocable
