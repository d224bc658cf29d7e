"""Sessions that hold half a login, lose one while in use, or are weakly configured."""

import logging
from hashlib import sha256
from typing import Any

import pytest
from flask import Flask, session

from tests.conftest import PRODUCTION
from tests.security.conftest import MakeLab, on_one_backend
from tests.security.routes import PROTECTED
from tests.support.covers import covers
from tests.support.visitor import Visitor

HALVES: list[dict[str, Any]] = [
    {"user": "alice"},
    {"logged_in": True},
    {"user": "alice", "logged_in": True},
    {"user": "alice", "logged_in": True, "epoch": -1},
    {"user": "alice", "logged_in": True, "epoch": "0"},
    {"user": "mallory", "logged_in": True, "epoch": 0},
    {"confirmed_at": 1_800_000_000},
    {"checkout": {"address": {}, "delivery": "post"}, "cart": {"jar": 1}},
]


@on_one_backend
@covers("WSTG-08", "7.2.1")
def test_half_a_login_opens_no_page(lab: Flask) -> None:
    for half in HALVES:
        visitor = Visitor(lab)
        with visitor.client.session_transaction() as started:
            started.update(half)
        for path in PROTECTED:
            assert Visitor(lab, visitor.token).get(path).status_code == 302, (half, path)


@covers("7.4.1", "15.4.2")
def test_a_request_in_flight_does_not_restore_an_ended_login(make_lab: MakeLab) -> None:
    lab = make_lab()
    alice, phone = Visitor(lab), Visitor(lab)

    @lab.post("/slow")
    def slow() -> str:
        assert session["user"] == "alice"
        alice.post("/account/password", current="wonderland", new="looking-glass", end_others="y")
        session["late"] = "written"
        return "slow"

    alice.logged_in("alice")
    before = Visitor(lab, phone.logged_in("alice").token)
    phone.post("/slow")
    assert (alice.is_in, phone.is_in, before.is_in) == (True, False, False)


@covers("13.3.1", "3.3.1", "SM-10")
def test_no_setting_weakens_the_cookies_of_production(make_lab: MakeLab) -> None:
    weak = {
        "SESSION_COOKIE_SECURE": False,
        "SESSION_COOKIE_HTTPONLY": False,
        "SESSION_COOKIE_SAMESITE": None,
        "SESSION_COOKIE_NAME": "sid",
        "SESSION_COOKIE_PATH": "/" + "x" * 2000,
    }
    [header] = Visitor(make_lab(**PRODUCTION, **weak)).log_in().headers.getlist("Set-Cookie")
    assert header.startswith("__Host-")
    assert set(header.split("; ")[1:]) == {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}


@covers("SM-34", "16.2.5")
def test_the_log_follows_a_session_under_keyed_names(
    alice: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "backends.audit_log"):
        session_id = Visitor(alice.app, alice.token).token.rpartition(".")[0]
        alice.post("/account/password", current="wonderland", new="looking-glass")
        alice.post("/logout")
    events = [getattr(record, "event", {}) for record in caplog.records]
    named = {event["event"]: event for event in events if "event" in event}
    rotated, ended = named["session rotated"], named["session ended"]
    assert rotated["follows"] != rotated["session"] == ended["session"]
    assert rotated["follows"] not in sha256(session_id.encode()).hexdigest()
