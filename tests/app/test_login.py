"""Where a login leads, what it says, for how long it lasts, and the name that is remembered."""

import re

import pytest
from flask import Flask

from app.web.plain_cookies import REMEMBERED_NAME
from backends import Backend
from tests.app.conftest import MakeLab, on_each_state
from tests.support.clock import SetClock
from tests.support.visitor import Visitor

TARGETS = ("/user/alice", "/dashboard?tab=2")
ELSEWHERE = (
    *("", "user/alice", "//evil.test", "///evil.test", "/\\evil.test", "\\\\evil.test"),
    *("/\t/evil.test", "/\n/evil.test", "https://evil.test/", "javascript:alert(1)"),
)


def test_a_login_leads_to_a_page_of_this_host_only(make_lab: MakeLab) -> None:
    app = make_lab()
    for target in TARGETS:
        assert Visitor(app).log_in(next=target).headers["Location"] == target
    for target in ELSEWHERE:
        assert Visitor(app).log_in(next=target).headers["Location"] == "/dashboard", target


def test_only_a_development_run_prints_the_accounts(make_lab: MakeLab) -> None:
    shown = Visitor(make_lab(DEMO_ACCOUNTS={"alice": "wonderland"}))
    assert "wonderland" in shown.get("/login").text
    page = Visitor(make_lab(in_production=True)).get("/login").text
    assert "wonderland" not in page
    assert "pbkdf2" not in page


@on_each_state
def test_a_logout_says_what_ended_and_offers_the_replay(lab_app: Flask, backend: Backend) -> None:
    alice = Visitor(lab_app).logged_in()
    assert "You are logged out." not in alice.get("/login?ended=logout").text
    page = alice.submit("/logout").text
    assert "You are logged out." in page
    assert ("The server deleted the session" in page) is backend.revocable
    assert ("a copy of it still logs in" in page) is not backend.revocable
    assert 'action="/replay"' in page
    replayed = alice.submit("/replay").text
    assert ("Welcome alice!" in replayed) is not backend.revocable


def test_what_somebody_sends_without_a_login_is_not_lost_in_silence(lab_app: Flask) -> None:
    said = "so what you just did changed nothing"
    assert said in Visitor(lab_app).submit("/dashboard/note", note="x").text
    assert said not in Visitor(lab_app).submit("/logout").text
    opened = Visitor(lab_app).client.get("/dashboard", follow_redirects=True)
    assert said not in opened.text


def test_a_browser_without_cookies_learns_why_nobody_is_logged_in(lab_app: Flask) -> None:
    lost = {"headers": {"Referer": "http://localhost/login?next=/cart"}, "follow_redirects": True}
    page = Visitor(lab_app).get("/dashboard", **lost)
    assert "did not keep the cookie" in page.text
    assert "did not keep" not in Visitor(lab_app).get("/dashboard", follow_redirects=True).text
    assert "Welcome alice!" in Visitor(lab_app).logged_in().get("/dashboard", **lost).text


def test_in_production_no_token_is_kept_and_no_replay_offered(make_lab: MakeLab) -> None:
    app = make_lab(in_production=True)
    page = Visitor(app).get("/login?ended=logout").text
    assert "You are logged out." in page
    assert "/replay" not in page
    assert "replay.replay" not in app.view_functions


def test_the_panel_is_in_the_menu_of_administrators_only(lab_app: Flask) -> None:
    assert 'href="/admin"' in Visitor(lab_app).logged_in("alice").get("/dashboard").text
    assert 'href="/admin"' not in Visitor(lab_app).logged_in("bob").get("/dashboard").text


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


NAME = REMEMBERED_NAME.base_name


def _filled_in(visitor: Visitor) -> tuple[str, bool]:
    """The login form's name, and whether its box is ticked."""
    page = visitor.get("/login").text
    field = re.search(r'<input[^>]*name="username"[^>]*>', page)
    box = re.search(r'<input[^>]*name="remember"[^>]*>', page)
    assert field
    assert box
    value = re.search(r'value="([^"]*)"', field[0])
    return value[1] if value else "", "checked" in box[0]


def test_a_name_is_remembered_on_request_beyond_the_browsers_end(visitor: Visitor) -> None:
    visitor.log_in()
    assert visitor.cookie(NAME) is None
    header = next(
        header
        for header in visitor.log_in(remember="y").headers.getlist("Set-Cookie")
        if header.startswith(f"{NAME}=alice;")
    )
    assert f"Max-Age={REMEMBERED_NAME.max_age}" in header
    assert "HttpOnly" in header


def test_the_name_is_filled_in_after_logout_and_logs_nobody_in(visitor: Visitor) -> None:
    visitor.log_in(remember="y")
    visitor.post("/logout")
    assert _filled_in(visitor) == ("alice", True)
    assert visitor.get("/dashboard").headers["Location"].startswith("/login")
    assert visitor.log_in(password="").status_code == 400


def test_only_a_login_that_succeeds_remembers_or_forgets(visitor: Visitor) -> None:
    visitor.log_in(remember="y", password="wrong")
    assert visitor.cookie(NAME) is None
    visitor.log_in(remember="y")
    visitor.log_in(password="wrong")
    assert visitor.cookie(NAME) is not None
    visitor.log_in()
    assert visitor.cookie(NAME) is None
    assert _filled_in(visitor) == ("", False)


def test_an_impossible_planted_name_is_not_filled_in(visitor: Visitor) -> None:
    for planted in ("x" * 81, "a%0ab", "%00"):
        visitor.client.set_cookie(NAME, planted)
        assert _filled_in(visitor) == ("", False)
