"""The account's own page, on a backend of each state."""

from typing import Any

import pytest

from app.accounts import database
from app.accounts.account import MIN_PASSWORD_CHARACTERS
from backends import Backend
from tests.app.conftest import on_each_state
from tests.support.covers import covers
from tests.support.visitor import Visitor

pytestmark = on_each_state

NEW = "looking-glass"


def change_password(visitor: Visitor, current: str = "wonderland", **more: str) -> Any:
    return visitor.post("/account/password", current=current, new=NEW, **more)


def test_a_new_password_is_the_one_that_logs_in(alice: Visitor) -> None:
    page = alice.get(change_password(alice).headers["Location"])
    assert "Your password is changed" in page.text
    assert Visitor(alice.app).log_in().status_code == 401
    assert Visitor(alice.app).log_in("alice", NEW).status_code == 302
    assert Visitor(alice.app).log_in("bob").status_code == 302


@covers("7.4.3")
def test_it_ends_the_other_sessions_only_on_request(alice: Visitor, phone: Visitor) -> None:
    phone.post("/cart/add", product="jar", quantity="7")
    change_password(alice)
    assert phone.is_in
    assert 'value="7"' in phone.get("/cart").text
    change_password(alice, NEW, end_others="y")
    assert not phone.is_in
    assert 'value="7"' not in phone.get("/cart").text
    assert alice.is_in


@covers("7.4.5")
def test_it_keeps_no_session_that_an_administrator_ends_meanwhile(
    alice: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = database.change_password

    def change_late(name: str, password: str) -> None:
        database.end_sessions(name)
        change(name, password)

    monkeypatch.setattr(database, "change_password", change_late)
    change_password(alice, end_others="y")
    assert not alice.is_in


@pytest.mark.parametrize(
    ("owner", "sentence"), [(None, "You were logged out"), ("user", "expired, or was ended")]
)
def test_a_user_who_is_logged_out_is_told_why(
    alice: Visitor, phone: Visitor, backend: Backend, owner: str | None, sentence: str
) -> None:
    """Where the store lists sessions the record is gone, and with it what it knew."""
    alice.app.config["SESSION_OWNER"] = owner
    for visitor in (alice, phone):
        visitor.log_in()
    change_password(alice, end_others="y")
    told = phone.get("/dashboard", follow_redirects=True).text
    assert (sentence if backend.revocable else "You were logged out") in told
    assert alice.is_in


def test_my_own_session_goes_on_with_a_new_token(alice: Visitor, backend: Backend) -> None:
    alice.post("/dashboard/note", note="milk")
    before = alice.token
    change_password(alice, end_others="y")
    assert alice.token != before
    assert "milk" in alice.get("/dashboard").text


WRONG: tuple[tuple[dict[str, str], int], ...] = (
    ({"current": "wrong", "new": NEW}, 401),
    ({"new": NEW}, 400),
    *(
        ({"current": "wonderland", "new": "x" * length}, 400)
        for length in (MIN_PASSWORD_CHARACTERS - 1, 201)
    ),
)


@covers("7.5.1", "SM-21")
def test_a_new_password_needs_the_current_one_and_a_length(alice: Visitor) -> None:
    for data, status in WRONG:
        response = alice.post("/account/password", **data)
        assert response.status_code == status
        assert NEW not in response.text
    assert Visitor(alice.app).log_in().status_code == 302
