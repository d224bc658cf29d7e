"""Where a login leads, and how often one may fail."""

from flask import Flask

from backends import Backend
from tests.app.conftest import MakeLab, on_each_state
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
