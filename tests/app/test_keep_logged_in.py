"""“Keep me logged in” does what it says, for as long as it says."""

import pytest
from flask import Flask

from tests.app.conftest import MakeLab
from tests.support.clock import SetClock
from tests.support.visitor import Visitor

IDLE, ABSOLUTE, REMEMBERED = 600, 3600, 7 * 24 * 3600


@pytest.fixture(params=["cookie", "filesystem"])
def app(request: pytest.FixtureRequest, make_lab: MakeLab, clock: SetClock) -> Flask:
    limits = {"SESSION_IDLE_SECONDS": IDLE, "SESSION_ABSOLUTE_SECONDS": ABSOLUTE}
    return make_lab(request.param, clock=clock, SESSION_REMEMBERED_SECONDS=REMEMBERED, **limits)


def outlives_the_browser(visitor: Visitor) -> bool:
    """Whether the cookie of the session does."""
    cookie = visitor.client.get_cookie(visitor.cookie_name)
    assert cookie is not None
    return (cookie.expires, cookie.max_age) != (None, None)


def test_it_outlives_the_limits_of_other_sessions_and_not_its_own(
    app: Flask, clock: SetClock
) -> None:
    kept, other = Visitor(app).logged_in(keep="y"), Visitor(app).logged_in()
    assert (outlives_the_browser(kept), outlives_the_browser(other)) == (True, False)
    clock.now += ABSOLUTE + 1
    assert not Visitor(app, other.token).is_in
    assert Visitor(app, kept.token).is_in
    clock.now += REMEMBERED - ABSOLUTE - 2
    assert Visitor(app, kept.token).is_in
    clock.now += 2
    assert not Visitor(app, kept.token).is_in


def test_the_next_login_without_it_is_short_again(app: Flask, clock: SetClock) -> None:
    alice = Visitor(app).logged_in(keep="y").logged_in()
    assert not outlives_the_browser(alice)
    clock.now += IDLE + 1
    assert not Visitor(app, alice.token).is_in


def test_the_form_says_for_how_long_and_what_that_risks(app: Flask) -> None:
    page = Visitor(app).get("/login").text
    assert "For 7 days, even if you close the browser" in page
    assert "Do not tick this on a shared computer" in page
