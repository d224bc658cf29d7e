"""Where a login leads, and how often one may fail."""

import pytest
from flask import Flask

from app.accounts.guesses import BY_ADDRESS
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
    visitor = Visitor(app)
    response = visitor.post("/login", username="alice", password="wonderland", next=target)
    assert response.headers["Location"] == leads_to


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
