"""The admin panel: for the accounts that the configuration names, asked at each request."""

import pytest
from flask import Flask

from app import create_app
from app.accounts.sessions import find_sessions
from backends import BACKENDS
from tests.conftest import ACCOUNTS, SECRET
from tests.support.visitor import Visitor

PATHS = ("/admin", "/admin/disable", "/admin/enable", "/admin/end", "/admin/end-all")

on_a_list = pytest.mark.parametrize(
    "placed",
    [(BACKENDS["filesystem"], "real"), (BACKENDS["redis"], "real")],
    indirect=True,
    ids=["filesystem", "redis"],
)


def test_an_administrator_sees_the_accounts_and_no_password(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.get("/admin").text
    assert "alice" in page
    assert "bob" in page
    assert "wonderland" not in page
    assert "builder" not in page


@pytest.mark.parametrize(("setting", "status"), [("ADMINS", 403), ("DEMO_ACCOUNTS", 302)])
def test_who_is_no_longer_an_administrator_is_out_with_the_next_request(
    lab_app: Flask, visitor: Visitor, setting: str, status: int
) -> None:
    visitor.log_in()
    assert visitor.get("/admin").status_code == 200
    lab_app.config[setting] = {}
    assert visitor.get("/admin").status_code == status


def test_the_session_holds_no_role(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.get("/admin")
    assert visitor.session().keys() == {"user", "logged_in", "epoch", "confirmed_at"}


def bobs_handles(app: Flask) -> list[str]:
    with app.app_context():
        return [listed.handle for listed in find_sessions("bob")]


@on_a_list
class TestSessions:
    @pytest.fixture
    def bobs(self, lab_app: Flask) -> list[Visitor]:
        return [Visitor(lab_app).logged_in("bob") for _ in range(2)]

    @pytest.fixture
    def admin(self, lab_app: Flask) -> Visitor:
        return Visitor(lab_app).logged_in()

    def test_an_administrator_sees_a_users_sessions(
        self, admin: Visitor, bobs: list[Visitor]
    ) -> None:
        assert "data-handle=" not in admin.get("/admin").text
        page = admin.get("/admin?user=bob").text
        assert "Sessions of bob" in page
        assert page.count("data-handle=") == len(bobs)

    def test_an_administrator_ends_one(
        self, lab_app: Flask, admin: Visitor, bobs: list[Visitor]
    ) -> None:
        handle = bobs_handles(lab_app)[0]
        response = admin.submit("/admin/end", user="bob", handle=handle)
        assert "One session was ended" in response.text
        assert sorted(bob.is_in for bob in bobs) == [False, True]

    def test_an_administrator_ends_all(self, admin: Visitor, bobs: list[Visitor]) -> None:
        page = admin.submit("/admin/end-all", user="bob").text
        assert "All sessions of the account have ended" in page
        assert "logged in nowhere" in page
        assert [bob.is_in for bob in bobs] == [False, False]
        assert admin.is_in

    def test_an_administrator_can_end_his_own(self, admin: Visitor) -> None:
        admin.post("/admin/end-all", user="alice")
        assert not admin.is_in

    def test_who_ended_whose_sessions_is_in_the_log(
        self, admin: Visitor, bobs: list[Visitor], caplog: pytest.LogCaptureFixture
    ) -> None:
        handle = bobs_handles(admin.app)[0]
        admin.post("/admin/end", user="bob", handle=handle)
        admin.post("/admin/end-all", user="bob")
        events = [getattr(record, "event", {}) for record in caplog.records]
        assert [
            (event["user"], event["by"], event.get("change", event.get("ended")))
            for event in events
            if event.get("event") in ("sessions ended", "account changed")
        ] == [("bob", "alice", 1), ("bob", "alice", "end-sessions")]


class TestAccounts:
    @pytest.fixture
    def admin(self, lab_app: Flask) -> Visitor:
        return Visitor(lab_app).logged_in()

    @pytest.fixture
    def bob(self, lab_app: Flask) -> Visitor:
        return Visitor(lab_app).logged_in("bob")

    def test_an_administrator_disables_and_enables_another_account(
        self, admin: Visitor, bob: Visitor
    ) -> None:
        page = admin.submit("/admin/disable", user="bob").text
        assert "The account is disabled" in page
        assert "Enable bob" in page
        assert not bob.is_in
        refused = bob.log_in("bob")
        assert (refused.status_code, "disabled" in refused.text) == (403, True)
        admin.post("/admin/enable", user="bob")
        assert not bob.is_in
        bob.log_in("bob")
        assert bob.is_in

    def test_only_the_right_password_tells_that_an_account_is_disabled(
        self, admin: Visitor
    ) -> None:
        admin.post("/admin/disable", user="bob")
        refused = Visitor(admin.app).log_in("bob", "wrong")
        assert (refused.status_code, "disabled" in refused.text) == (401, False)

    def test_an_administrator_ends_all_sessions_on_every_backend(
        self, admin: Visitor, bob: Visitor
    ) -> None:
        admin.post("/admin/end-all", user="bob")
        assert (admin.is_in, bob.is_in) == (True, False)

    @pytest.mark.parametrize("user", ["alice", "mallory", ""])
    def test_the_own_account_and_an_unknown_one_are_not_disabled(
        self, admin: Visitor, user: str
    ) -> None:
        assert admin.post("/admin/disable", user=user).status_code == 400
        assert admin.is_in


@pytest.mark.parametrize("path", PATHS)
def test_every_page_of_the_panel_asks_who_is_there(
    lab_app: Flask, visitor: Visitor, path: str
) -> None:
    alice = Visitor(lab_app).logged_in()
    method = "GET" if path == "/admin" else "POST"
    assert "/login" in visitor.client.open(path, method=method).headers["Location"]
    visitor.log_in("bob")
    refused = visitor.client.open(path, method=method, data={"user": "alice"})
    assert refused.status_code == 403
    assert alice.is_in


def test_the_panel_says_why_where_sessions_cannot_be_listed() -> None:
    app = create_app({"SESSION_BACKEND": "cookie", "SECRET_KEY": SECRET, "DEMO_ACCOUNTS": ACCOUNTS})
    admin = Visitor(app).logged_in()
    page = admin.get("/admin?user=bob").text
    assert "whole session lies in its browser" in page
    assert "Show the sessions" not in page
