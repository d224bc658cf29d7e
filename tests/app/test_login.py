"""Where a login leads, and how often one may fail."""

import pytest
from flask import Flask

from app.accounts.guesses import BY_ADDRESS
from backends import Backend
from tests.app.conftest import MakeLab
from tests.support.covers import covers
from tests.support.visitor import Visitor


@pytest.fixture
def app(make_lab: MakeLab) -> Flask:
    return make_lab()


@pytest.mark.parametrize(
    ("target", "leads_to"),
    [
        ("/user/alice", "/user/alice"),
        ("/dashboard?tab=2", "/dashboard?tab=2"),
        ("", "/dashboard"),
        ("user/alice", "/dashboard"),
        ("//evil.test", "/dashboard"),
        ("///evil.test", "/dashboard"),
        ("/\\evil.test", "/dashboard"),
        ("\\\\evil.test", "/dashboard"),
        ("/\t/evil.test", "/dashboard"),
        ("/\n/evil.test", "/dashboard"),
        ("https://evil.test/", "/dashboard"),
        ("javascript:alert(1)", "/dashboard"),
    ],
)
def test_a_login_leads_to_a_page_of_this_host_only(app: Flask, target: str, leads_to: str) -> None:
    assert Visitor(app).log_in(next=target).headers["Location"] == leads_to


@covers("SM-31")
def test_failed_logins_are_limited_and_good_ones_are_not(app: Flask) -> None:
    visitor = Visitor(app)
    allowed = BY_ADDRESS
    for _ in range(allowed + 5):
        assert visitor.log_in().status_code == 302
    assert {visitor.log_in("alice", "wrong").status_code for _ in range(allowed)} == {401}
    refused = visitor.log_in("alice", "wrong")
    assert refused.status_code == 429
    assert "wait" in refused.text.lower()
    assert visitor.log_in().status_code == 429


def test_only_a_development_run_prints_the_accounts(make_lab: MakeLab) -> None:
    shown = Visitor(make_lab(DEMO_ACCOUNTS={"alice": "wonderland"}))
    assert "wonderland" in shown.get("/login").text
    page = Visitor(make_lab(in_production=True)).get("/login").text
    assert "wonderland" not in page
    assert "pbkdf2" not in page


def test_a_logout_says_what_ended_and_offers_the_replay(lab_app: Flask, backend: Backend) -> None:
    alice = Visitor(lab_app).logged_in()
    page = alice.submit("/logout").text
    assert "You are logged out." in page
    assert ("The server deleted the session" in page) is backend.revocable
    assert ("a copy of it still logs in" in page) is not backend.revocable
    assert 'action="/replay"' in page
    replayed = alice.submit("/replay").text
    assert ("Welcome alice!" in replayed) is not backend.revocable


def test_a_page_that_says_logged_out_is_not_shown_to_who_is_logged_in(lab_app: Flask) -> None:
    alice = Visitor(lab_app).logged_in()
    assert "You are logged out." not in alice.get("/login?ended=logout").text


def test_in_production_no_replay_is_offered(make_lab: MakeLab) -> None:
    page = Visitor(make_lab(in_production=True)).get("/login?ended=logout").text
    assert "You are logged out." in page
    assert "/replay" not in page


def test_each_403_says_what_is_true_of_it(lab_app: Flask) -> None:
    bob = Visitor(lab_app).logged_in("bob")
    refused = bob.get("/admin").text
    assert "for administrators only" in refused
    assert "use the form there" not in refused
    bob.client.environ_base["HTTP_ORIGIN"] = "https://evil.example"
    foreign = bob.post("/dashboard/note", note="x")
    assert foreign.status_code == 403
    assert "did not come from a page of this site" in foreign.text
    assert "use the form there" in foreign.text


def test_the_panel_is_in_the_menu_of_administrators_only(lab_app: Flask) -> None:
    assert 'href="/admin"' in Visitor(lab_app).logged_in("alice").get("/dashboard").text
    assert 'href="/admin"' not in Visitor(lab_app).logged_in("bob").get("/dashboard").text


def test_a_checkout_of_nothing_says_so(lab_app: Flask) -> None:
    page = Visitor(lab_app).logged_in().client.get("/checkout", follow_redirects=True).text
    assert "Your cart is empty" in page
