"""The admin panel: for the accounts that the configuration names, asked at each request."""

import pytest
from flask import Flask

from tests.conftest import Visitor


def test_an_administrator_sees_the_accounts_and_no_password(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.client.get("/admin").text
    assert "alice" in page
    assert "bob" in page
    assert "wonderland" not in page
    assert "builder" not in page


def test_another_account_is_refused(visitor: Visitor) -> None:
    visitor.log_in("bob", "builder")
    response = visitor.client.get("/admin")
    assert response.status_code == 403
    assert "alice" not in response.text


def test_a_guest_logs_in_first(visitor: Visitor) -> None:
    assert visitor.client.get("/admin").headers["Location"] == "/login?next=/admin"


@pytest.mark.parametrize(("setting", "status"), [("ADMINS", 403), ("DEMO_ACCOUNTS", 302)])
def test_who_is_no_longer_an_administrator_is_out_with_the_next_request(
    lab_app: Flask, visitor: Visitor, setting: str, status: int
) -> None:
    visitor.log_in()
    assert visitor.client.get("/admin").status_code == 200
    lab_app.config[setting] = {}
    assert visitor.client.get("/admin").status_code == status


def test_the_session_holds_no_role(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.client.get("/admin")
    with visitor.client.session_transaction() as session:
        assert session.keys() == {"user", "logged_in", "epoch", "confirmed_at"}
