"""The admin panel: for the accounts that the configuration names, asked at each request."""

import pytest
from flask import Flask

from tests.app.accounts.conftest import find_handles
from tests.app.conftest import MakeLab, on_each_state
from tests.support.covers import covers
from tests.support.visitor import Visitor

PATHS = ("/admin", "/admin/disable", "/admin/enable", "/admin/end", "/admin/end-all")


def test_an_administrator_sees_the_accounts_and_no_password(alice: Visitor) -> None:
    page = alice.get("/admin").text
    assert "alice" in page
    assert "bob" in page
    assert "wonderland" not in page
    assert "builder" not in page


@pytest.mark.parametrize(("setting", "status"), [("ADMINS", 403), ("DEMO_ACCOUNTS", 302)])
@covers("7.4.2")
def test_a_removed_administrator_is_refused_at_once(
    alice: Visitor, setting: str, status: int
) -> None:
    assert alice.get("/admin").status_code == 200
    alice.app.config[setting] = {}
    assert alice.get("/admin").status_code == status


@covers("14.3.3", notes={"14.3.3": "the account's name, never its password or role"})
def test_the_session_holds_no_role(alice: Visitor) -> None:
    alice.get("/admin")
    assert alice.session().keys() == {"user", "logged_in", "epoch", "confirmed_at"}


class TestSessions:
    @pytest.fixture
    def bobs(self, lab_app: Flask) -> list[Visitor]:
        return [Visitor(lab_app).logged_in("bob") for _ in range(2)]

    def test_an_administrator_sees_a_users_sessions(
        self, alice: Visitor, bobs: list[Visitor]
    ) -> None:
        assert "data-handle=" not in alice.get("/admin").text
        page = alice.get("/admin?user=bob").text
        assert "Sessions of bob" in page
        assert page.count("data-handle=") == len(bobs)
        assert "logged in nowhere" in alice.submit("/admin/end-all", user="bob").text

    @covers("16.3.1", "SM-37")
    def test_the_log_says_who_ended_whose_sessions(
        self, alice: Visitor, bobs: list[Visitor], caplog: pytest.LogCaptureFixture
    ) -> None:
        handle = find_handles(alice.app, "bob")[0]
        assert "One session was ended" in alice.submit("/admin/end", user="bob", handle=handle).text
        assert sorted(bob.is_in for bob in bobs) == [False, True]
        alice.post("/admin/end-all", user="bob")
        events = [getattr(record, "event", {}) for record in caplog.records]
        assert [
            (event["user"], event["by"], event.get("change", event.get("ended")))
            for event in events
            if event.get("event") in ("sessions ended", "account changed")
        ] == [("bob", "alice", 1), ("bob", "alice", "end-sessions")]


@on_each_state
class TestAccounts:
    @covers("7.4.2")
    def test_an_administrator_disables_and_enables_another_account(
        self, alice: Visitor, bob: Visitor
    ) -> None:
        page = alice.submit("/admin/disable", user="bob").text
        assert "The account is disabled" in page
        assert "Enable bob" in page
        assert not bob.is_in
        refused = bob.log_in("bob")
        assert (refused.status_code, "disabled" in refused.text) == (403, True)
        alice.post("/admin/enable", user="bob")
        assert not bob.is_in
        bob.log_in("bob")
        assert bob.is_in

    @covers("7.4.5")
    def test_an_administrator_ends_all(self, alice: Visitor, bob: Visitor) -> None:
        page = alice.submit("/admin/end-all", user="bob").text
        assert "All sessions of the account have ended" in page
        assert (alice.is_in, bob.is_in) == (True, False)

    def test_each_change_leads_to_the_sentence_that_says_it(self, alice: Visitor) -> None:
        for change in ("disable", "enable", "end-all"):
            address = alice.post(f"/admin/{change}", user="bob").location
            _, _, place = address.partition("#")
            assert f' id="{place}" role="status"' in alice.get(address).text, change

    def test_only_the_right_password_reveals_a_disabled_account(self, alice: Visitor) -> None:
        alice.post("/admin/disable", user="bob")
        refused = Visitor(alice.app).log_in("bob", "wrong")
        assert (refused.status_code, "disabled" in refused.text) == (401, False)

    def test_the_own_account_and_an_unknown_one_are_not_disabled(self, alice: Visitor) -> None:
        for user in ("alice", "mallory", ""):
            assert alice.post("/admin/disable", user=user).status_code == 400
        assert alice.is_in


@covers("SM-37")
def test_every_page_of_the_panel_refuses_others(
    visitor: Visitor, alice: Visitor, bob: Visitor
) -> None:
    for path in PATHS:
        method = "GET" if path == "/admin" else "POST"
        assert "/login" in visitor.client.open(path, method=method).headers["Location"]
        refused = bob.client.open(path, method=method, data={"user": "alice"})
        assert refused.status_code == 403
        assert "alice" not in refused.text
        assert alice.is_in


def test_the_panel_says_why_where_sessions_cannot_be_listed(make_lab: MakeLab) -> None:
    page = Visitor(make_lab()).logged_in().get("/admin?user=bob").text
    assert "whole session is stored in its browser" in page
    assert "Show the sessions" not in page
