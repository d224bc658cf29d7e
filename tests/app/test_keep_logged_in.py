"""“Keep me logged in” does what it says, for as long as it says."""

from typing import Any

import pytest
from flask import Flask

from app import create_app
from backends import Backend
from tests.conftest import ACCOUNTS, SECRET, Where
from tests.support.clock import SetClock
from tests.support.visitor import PASSWORDS, Visitor

IDLE, ABSOLUTE, REMEMBERED = 600, 3600, 7 * 24 * 3600


@pytest.fixture
def app(placed: tuple[Backend, Where], clock: SetClock) -> Flask:
    backend, where = placed
    limits = {
        "SESSION_IDLE_SECONDS": IDLE,
        "SESSION_ABSOLUTE_SECONDS": ABSOLUTE,
        "SESSION_REMEMBERED_SECONDS": REMEMBERED,
    }
    settings = {"SESSION_BACKEND": backend.name, "SECRET_KEY": SECRET, "DEMO_ACCOUNTS": ACCOUNTS}
    return create_app({**settings, **limits, **where}, clock)


def log_in(app: Flask, **more: str) -> tuple[Visitor, Any]:
    """Alice, and the cookie that she was given."""
    alice = Visitor(app)
    assert (
        alice.post("/login", username="alice", password=PASSWORDS["alice"], **more).status_code
        == 302
    )
    return alice, alice.client.get_cookie(alice.cookie_name)


def test_without_it_the_cookie_ends_with_the_browser(app: Flask) -> None:
    _, cookie = log_in(app)
    assert cookie.expires is None
    assert cookie.max_age is None


def test_with_it_the_cookie_outlives_the_browser(app: Flask) -> None:
    _, cookie = log_in(app, keep="y")
    assert cookie.expires is not None


def test_it_outlives_the_limits_of_other_sessions_and_not_its_own(
    app: Flask, clock: SetClock
) -> None:
    kept, _ = log_in(app, keep="y")
    other, _ = log_in(app)
    clock.now += ABSOLUTE + 1
    assert not Visitor(app, other.token).is_in
    assert Visitor(app, kept.token).is_in
    clock.now += REMEMBERED - ABSOLUTE - 2
    assert Visitor(app, kept.token).is_in
    clock.now += 2
    assert not Visitor(app, kept.token).is_in


def test_the_next_login_without_it_is_short_again(app: Flask, clock: SetClock) -> None:
    alice, _ = log_in(app, keep="y")
    alice.log_in()
    cookie = alice.client.get_cookie(alice.cookie_name)
    assert cookie is not None
    assert cookie.expires is None
    clock.now += IDLE + 1
    assert not Visitor(app, alice.token).is_in


def test_a_change_of_the_password_ends_it(app: Flask) -> None:
    kept, _ = log_in(app, keep="y")
    other, _ = log_in(app)
    changed = other.post(
        "/account/password", current=PASSWORDS["alice"], new="looking-glass", end_others="y"
    )
    assert changed.status_code == 302
    assert not kept.is_in


def test_the_form_says_for_how_long_and_what_that_risks(app: Flask) -> None:
    page = Visitor(app).get("/login").text
    assert "For 7 days, also when the browser is closed" in page
    assert "not on a shared computer" in page
