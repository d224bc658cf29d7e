"""The admin panel: for the accounts that the configuration names, asked at each request."""

import pytest
from flask import Flask

from app import create_app
from app.accounts.sessions import find_sessions
from backends import BACKENDS
from tests.conftest import ACCOUNTS, SECRET, Visitor

PATHS = ("/admin", "/admin/disable", "/admin/enable", "/admin/end", "/admin/end-all")

on_a_list = pytest.mark.parametrize(
    "placed",
    [(BACKENDS["filesystem"], "real"), (BACKENDS["redis"], "real")],
    indirect=True,
    ids=["filesystem", "redis"],
)


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


def at(app: Flask, name: str, password: str) -> Visitor:
    """Somebody who is logged in."""
    visitor = Visitor(app)
    visitor.log_in(name, password)
    return visitor


def is_in(visitor: Visitor) -> bool:
    return visitor.client.get("/dashboard").status_code == 200


def bobs_handles(app: Flask) -> list[str]:
    with app.app_context():
        return [listed.handle for listed in find_sessions("bob")]


@on_a_list
class TestSessions:
    @pytest.fixture
    def bobs(self, lab_app: Flask) -> list[Visitor]:
        return [at(lab_app, "bob", "builder") for _ in range(2)]

    @pytest.fixture
    def admin(self, lab_app: Flask) -> Visitor:
        return at(lab_app, "alice", "wonderland")

    def test_an_administrator_sees_a_users_sessions(
        self, admin: Visitor, bobs: list[Visitor]
    ) -> None:
        assert "data-handle=" not in admin.client.get("/admin").text
        page = admin.client.get("/admin?user=bob").text
        assert "Sessions of bob" in page
        assert page.count("data-handle=") == len(bobs)

    def test_an_administrator_ends_one(
        self, lab_app: Flask, admin: Visitor, bobs: list[Visitor]
    ) -> None:
        handle = bobs_handles(lab_app)[0]
        response = admin.client.post(
            "/admin/end", data={"user": "bob", "handle": handle}, follow_redirects=True
        )
        assert "One session was ended" in response.text
        assert sorted(is_in(bob) for bob in bobs) == [False, True]

    def test_an_administrator_ends_all(self, admin: Visitor, bobs: list[Visitor]) -> None:
        page = admin.client.post("/admin/end-all", data={"user": "bob"}, follow_redirects=True).text
        assert "All sessions of the account have ended" in page
        assert "logged in nowhere" in page
        assert [is_in(bob) for bob in bobs] == [False, False]
        assert is_in(admin)

    def test_an_administrator_can_end_his_own(self, admin: Visitor) -> None:
        admin.client.post("/admin/end-all", data={"user": "alice"})
        assert not is_in(admin)

    def test_who_ended_whose_sessions_is_in_the_log(
        self, admin: Visitor, bobs: list[Visitor], caplog: pytest.LogCaptureFixture
    ) -> None:
        handle = bobs_handles(admin.app)[0]
        admin.client.post("/admin/end", data={"user": "bob", "handle": handle})
        admin.client.post("/admin/end-all", data={"user": "bob"})
        events = [getattr(record, "event", {}) for record in caplog.records]
        assert [
            (event["user"], event["by"], event.get("change", event.get("ended")))
            for event in events
            if event.get("event") in ("sessions ended", "account changed")
        ] == [("bob", "alice", 1), ("bob", "alice", "end-sessions")]


class TestAccounts:
    @pytest.fixture
    def admin(self, lab_app: Flask) -> Visitor:
        return at(lab_app, "alice", "wonderland")

    @pytest.fixture
    def bob(self, lab_app: Flask) -> Visitor:
        return at(lab_app, "bob", "builder")

    def test_an_administrator_disables_and_enables_another_account(
        self, admin: Visitor, bob: Visitor
    ) -> None:
        page = admin.client.post("/admin/disable", data={"user": "bob"}, follow_redirects=True).text
        assert "The account is disabled" in page
        assert "Enable bob" in page
        assert not is_in(bob)
        refused = bob.log_in("bob", "builder")
        assert (refused.status_code, "disabled" in refused.text) == (403, True)
        admin.client.post("/admin/enable", data={"user": "bob"})
        assert not is_in(bob)
        bob.log_in("bob", "builder")
        assert is_in(bob)

    def test_only_the_right_password_tells_that_an_account_is_disabled(
        self, admin: Visitor
    ) -> None:
        admin.client.post("/admin/disable", data={"user": "bob"})
        refused = Visitor(admin.app).log_in("bob", "wrong")
        assert (refused.status_code, "disabled" in refused.text) == (401, False)

    def test_an_administrator_ends_all_sessions_on_every_backend(
        self, admin: Visitor, bob: Visitor
    ) -> None:
        admin.client.post("/admin/end-all", data={"user": "bob"})
        assert (is_in(admin), is_in(bob)) == (True, False)

    @pytest.mark.parametrize("user", ["alice", "mallory", ""])
    def test_the_own_account_and_an_unknown_one_are_not_disabled(
        self, admin: Visitor, user: str
    ) -> None:
        assert admin.client.post("/admin/disable", data={"user": user}).status_code == 400
        assert is_in(admin)


@pytest.mark.parametrize("path", PATHS)
def test_every_page_of_the_panel_asks_who_is_there(
    lab_app: Flask, visitor: Visitor, path: str
) -> None:
    alice = at(lab_app, "alice", "wonderland")
    method = "GET" if path == "/admin" else "POST"
    assert "/login" in visitor.client.open(path, method=method).headers["Location"]
    visitor.log_in("bob", "builder")
    refused = visitor.client.open(path, method=method, data={"user": "alice"})
    assert refused.status_code == 403
    assert is_in(alice)


def test_the_panel_says_why_where_sessions_cannot_be_listed() -> None:
    app = create_app({"SESSION_BACKEND": "cookie", "SECRET_KEY": SECRET, "DEMO_ACCOUNTS": ACCOUNTS})
    admin = at(app, "alice", "wonderland")
    page = admin.client.get("/admin?user=bob").text
    assert "whole session lies in its browser" in page
    assert "Show the sessions" not in page
