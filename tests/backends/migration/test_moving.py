"""Visitors of an application on Flask's cookie or Flask-Session stay in when it is switched."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask, session

from backends import Backend, lister_of
from tests.backends.migration.conftest import WEEK, Before, Browser, Switch, watch_old
from tests.support.bare import Views, add_views
from tests.support.clock import SetClock

VALUES: dict[str, Any] = {
    "user": "alice",
    "cart": [1, {"two": ["three"]}],
    "pair": (1, "two"),
    "since": datetime(2026, 11, 26, 12, tzinfo=UTC),
    "€": "snow ☃ and \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    "@own": "an at sign",
    "nothing": None,
}


def test_a_visitor_stays_logged_in(
    before: Before, after: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """By the first answer's cookie, and each move is logged and counted."""
    caplog.set_level(logging.INFO, "backends.audit_log")
    for user in ("alice", "bob"):
        old = before.log_in(user)
        old.post("/set/language/de")
        new = Browser(after, old.token)
        answer = new.get("/")
        [header] = answer.headers.getlist("Set-Cookie")
        assert header.startswith("session=")
        assert "Expires" not in header
        assert "Cookie" in answer.vary
        assert new.token != old.token
        assert new.data() == {"user": user, "language": "de"}
    events = [record.event for record in caplog.records]  # type: ignore[attr-defined]
    moved = [event for event in events if event["event"] == "session moved"]
    assert [event["count"] for event in moved] == [1, 2]
    assert {event["source"] for event in moved} == {before.settings["SESSION_MIGRATE_FROM"]}
    assert not [event for event in events if event["event"] == "forged token"]


def test_values_keep_their_types(before: Before, after: Flask, views: Views) -> None:
    held: dict[str, Any] = {}
    values = dict(VALUES)
    if before.app.session_interface.__class__.__name__ == "RedisSessionInterface":
        values.pop("pair")  # msgpack makes a list of it
        values.pop("since")  # and a text of it
    views["put"] = lambda: session.update(values)
    views["read"] = lambda: held.update(session)
    old = Browser(before.app)
    old.post("/do/put")
    Browser(after, old.token).post("/do/read")
    held.pop("_permanent", None)
    assert held == values
    assert {key: type(value) for key, value in held.items()} == {
        key: type(value) for key, value in values.items()
    }


def test_a_permanent_session_stays_permanent(before: Before, after: Flask, views: Views) -> None:
    views["keep"] = lambda: setattr(session, "permanent", True)
    old = before.log_in()
    old.post("/do/keep")
    assert "Expires=" in Browser(after, old.token).get("/").headers["Set-Cookie"]


def test_the_old_interface_is_asked_for_a_page_that_moves_somebody_alone(
    before: Before, after: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = Browser(after, before.log_in().token)
    asked = watch_old(after, monkeypatch)
    assert "Set-Cookie" not in new.get("/untouched").headers
    assert asked == []
    new.get("/")
    assert len(asked) == 1
    new.get("/")
    new.post("/set/one/1")
    new.post("/rotate")
    new.post("/logout")
    new.get("/")
    assert len(asked) == 1


def test_an_ended_token_of_ours_is_not_offered(
    before: Before, after: Flask, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = Browser(after).logged_in()
    clock.forward(3 * WEEK)
    asked = watch_old(after, monkeypatch)
    assert (new.data(), asked) == ({}, [])


def test_without_the_setting_and_after_the_end_old_tokens_open_nothing(
    before: Before,
    after: Flask,
    make_app: Callable[..., Flask],
    clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = before.log_in()
    assert Browser(add_views(make_app()), old.token).data() == {}
    asked = watch_old(after, monkeypatch)
    clock.forward(4 * WEEK)
    assert (Browser(after, old.token).data(), asked) == ({}, [])


def test_the_old_record_is_deleted(before: Before, after: Flask, backend: Backend) -> None:
    old = before.log_in()
    copy = Browser(before.app, old.token)
    Browser(after, old.token).get("/")
    if before.keeps_record and backend.revocable:
        assert copy.data() == {}
    else:
        # A cookie cannot be deleted; and without a store of its own, the new backend needs the
        # record for other requests with the old token.
        assert copy.data() == {"user": "alice"}


def test_a_logout_ends_the_old_token_too(
    before: Before, after: Flask, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = before.log_in()
    new = Browser(after, old.token)
    new.get("/")
    new.post("/logout")
    asked = watch_old(after, monkeypatch)
    assert bool(Browser(after, old.token).data()) is not backend.revocable
    assert bool(asked) is not backend.revocable
    # Nor does another key open it again.
    after.config["SECRET_KEY_FALLBACKS"] = [after.secret_key]
    after.secret_key = "another key " * 4
    assert bool(Browser(after, old.token).data()) is not backend.revocable


def test_a_first_request_may_end_it(before: Before, after: Flask, backend: Backend) -> None:
    for user, path, then in (("alice", "/logout", None), ("carol", "/login/bob", "bob")):
        old = before.log_in(user)
        new = Browser(after, old.token)
        new.post(path)
        assert new.data().get("user") == then
        assert bool(Browser(after, old.token).data()) is not backend.revocable


def test_the_old_token_opens_the_session_for_a_minute(
    before: Before, after: Flask, backend: Backend, clock: SetClock
) -> None:
    old = before.log_in()
    Browser(after, old.token).get("/")
    for _ in range(2):  # nor do old tokens prolong it
        clock.forward(29)
        assert Browser(after, old.token).data() == {"user": "alice"}
    clock.forward(2)
    assert bool(Browser(after, old.token).data()) is not backend.revocable


def test_the_minute_begins_with_the_answer(before: Before, after: Flask, clock: SetClock) -> None:
    old = before.log_in()
    cookie = {"Cookie": f"session={old.token}"}
    with after.test_request_context(headers=cookie):  # as a WebSocket: nothing is sent
        assert session["user"] == "alice"
    clock.forward(24 * 3600)
    assert Browser(after, old.token).data() == {"user": "alice"}


def test_an_answer_that_holds_changes_back_sends_it(
    before: Before, after: Flask, views: Views, clock: SetClock
) -> None:
    def hold() -> None:
        assert session["user"] == "alice"
        session.modified = False

    views["hold"] = hold
    new = Browser(after, before.log_in().token)
    new.post("/do/hold")
    clock.forward(3600)
    assert new.data() == {"user": "alice"}


def test_putting_the_end_off_opens_no_old_cookie(
    before: Before, switch: Switch, backend: Backend, clock: SetClock
) -> None:
    soon = datetime.fromtimestamp(clock(), UTC) + timedelta(hours=1)
    old = before.log_in()
    after = switch(before, SESSION_MIGRATE_UNTIL=soon)
    new = Browser(after, old.token)
    new.get("/")
    new.post("/logout")
    clock.forward(2 * 3600)
    assert bool(Browser(switch(before), old.token).data()) is not backend.revocable


def test_moved_sessions_are_listed_and_keep_to_the_limit(before: Before, switch: Switch) -> None:
    after = switch(before, SESSION_MAX_PER_OWNER=2)
    for number in range(3):
        old = before.log_in()
        old.post(f"/set/device/{number}")  # Flask's cookies of one second are equal otherwise
        new = Browser(after, old.token, agent="Firefox")
        new.get("/")
    if lister := lister_of(after):
        owned = lister.sessions_of("alice")
        assert [(one.agent, one.address) for one in owned] == [("Firefox", "127.0.0.1")] * 2
        assert lister.revoke("alice", [one.handle for one in owned]) == 2
        assert new.data() == {}
