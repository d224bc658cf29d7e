"""What ends a session, and that it stays ended."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, session

from tests.conftest import SetClock
from tests.owasp.conftest import MakeLab
from tests.owasp.people import PROTECTED, Person
from tests.owasp.promises import ON_SERVER, REVOCABLE, covers

WINDOW = 301
"""Seconds after which the password is asked for again."""


@covers("7.4.1", "SM-23", "WSTG-06", limit=REVOCABLE)
def test_a_token_from_before_the_logout_is_dead_on_every_page(alice: Person, holds: bool) -> None:
    thief = alice.copy()
    alice.post("/logout")
    assert not alice.is_in
    for path in PROTECTED[:2]:
        assert (thief.get(path).status_code != 200) is holds, path


ENDS = {
    "logout": lambda person: person.post("/logout"),
    "rotation": lambda person: person.post(
        "/account/password", current="wonderland", new="looking-glass"
    ),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("writes", [False, True], ids=["reads", "writes"])
@covers("7.4.1", "15.4.2", "RF-05", limit=REVOCABLE)
def test_what_ended_stays_ended_while_a_request_is_in_flight(
    make_lab: MakeLab, holds: bool, end: Callable[[Person], Any], writes: bool
) -> None:
    lab = make_lab()

    @lab.post("/slow")
    def slow() -> str:
        """Inside this request the same browser ends the session."""
        assert session["user"] == "alice"
        end(Person(lab, token))
        if writes:
            session["late"] = "written"
        return "slow"

    alice = Person(lab).in_as("alice")
    token = alice.secret
    response = alice.post("/slow")
    assert (not Person(lab, token).is_in) is holds
    if holds:
        assert "Set-Cookie" not in response.headers


@covers("7.4.1", "15.4.2", "7.4.5")
def test_a_request_in_flight_does_not_bring_a_revoked_login_back(make_lab: MakeLab) -> None:
    lab = make_lab()
    admin = Person(lab)

    @lab.post("/slow")
    def slow() -> str:
        assert session["user"] == "bob"
        admin.post("/admin/end-all", user="bob")
        session["late"] = "written"
        return "slow"

    admin.in_as("alice")
    bob = Person(lab).in_as("bob")
    before = bob.copy()
    bob.post("/slow")
    assert not bob.is_in
    assert not before.is_in


@covers("7.2.4", "SM-19", limit=REVOCABLE)
def test_a_login_and_a_given_password_take_a_new_token_and_end_the_old(
    lab: Flask, clock: SetClock, holds: bool
) -> None:
    alice = Person(lab).in_as("alice")
    first = alice.copy()
    alice.in_as("alice")
    second = alice.copy()
    clock.forward(WINDOW)
    assert alice.post("/admin/enable", user="bob", password="wonderland").location
    assert len({first.token, second.token, alice.token}) == 3
    assert alice.is_in
    assert {not first.is_in, not second.is_in} == {holds}


@covers("WSTG-03", "CF-13", "SM-17")
def test_a_planted_token_is_never_the_one_that_is_logged_in(lab: Flask, bob: Person) -> None:
    for planted in ("invented", bob.secret):
        victim = Person(lab, planted).in_as("alice")
        assert victim.token != planted
        assert "alice" not in Person(lab, planted).get("/dashboard").text


@covers("7.4.2")
def test_disabling_or_removing_an_account_ends_all_its_sessions(alice: Person, bob: Person) -> None:
    phone = Person(bob.app).in_as("bob")
    alice.post("/admin/disable", user="bob")
    assert (bob.is_in, phone.is_in, alice.is_in) == (False, False, True)
    alice.app.config["DEMO_ACCOUNTS"] = {}
    assert not alice.is_in


@covers("7.4.3")
def test_a_new_password_ends_the_other_sessions_where_that_is_asked(alice: Person) -> None:
    phone, thief = Person(alice.app).in_as("alice"), alice.copy()
    assert 'name="end_others"' in alice.get("/account").text
    alice.post("/account/password", current="wonderland", new="looking-glass", end_others="y")
    assert (phone.is_in, thief.is_in, alice.is_in) == (False, False, True)
    assert alice.token != thief.token


@covers("7.4.5", "SM-37", notes={"SM-37": "by the password given again"})
def test_an_administrator_ends_the_sessions_of_one_account_or_of_all(
    alice: Person, bob: Person, make_lab: MakeLab, clock: SetClock
) -> None:
    assert bob.post("/admin/end-all", user="alice").status_code == 403
    clock.forward(WINDOW)
    for path in ("/admin/disable", "/admin/end", "/admin/end-all"):
        assert alice.post(path, user="bob").status_code == 403
    assert bob.is_in
    alice.post("/admin/end-all", user="bob", password="wonderland")
    assert (bob.is_in, alice.is_in) == (False, True)
    everybody_out = make_lab(SECRET_KEY="fedcba9876543210" * 4)
    assert not Person(everybody_out, alice.secret).is_in


@covers("7.5.2", "SM-36", "WSTG-11", limit=REVOCABLE)
def test_an_owners_sessions_are_listed_with_what_tells_them_apart_and_end_one_by_one(
    lab: Flask, alice: Person, clock: SetClock, holds: bool
) -> None:
    phone = Person(lab)
    phone.client.environ_base["HTTP_USER_AGENT"] = "A phone"
    phone.in_as("alice")
    page = alice.get("/sessions").text
    assert ("A phone" in page) is holds
    assert ("127.0.0.1" in page) is holds
    assert phone.secret not in page
    for handle in re.findall(r'name="handle" value="([^"]+)"', page):
        assert Person(lab).in_as("bob").post("/sessions/end", handle=handle).status_code == 302
        assert phone.is_in
        assert handle not in phone.secret
        clock.forward(WINDOW)
        assert alice.post("/sessions/end", handle=handle).status_code == 403
        assert phone.is_in
        alice.post("/sessions/end", handle=handle, password="wonderland")
    assert (phone.is_in, alice.is_in) == (not holds, True)


@covers("7.1.2", "SM-35", "WSTG-11", limit=REVOCABLE)
def test_the_login_beyond_the_limit_ends_the_oldest(
    make_lab: MakeLab, clock: SetClock, holds: bool
) -> None:
    lab = make_lab(SESSION_MAX_PER_USER=2)
    people = []
    for _ in range(4):
        clock.forward(1)
        people.append(Person(lab).in_as("alice"))
    other = Person(lab).in_as("bob")
    assert [person.is_in for person in people] == [not holds, not holds, True, True]
    assert other.is_in


@covers("RF-28", limit=ON_SERVER)
def test_an_older_cookie_does_not_bring_older_data_back(alice: Person, holds: bool) -> None:
    alice.note("an old note")
    older = alice.copy()
    alice.note("a new note")
    assert ("a new note" in older.get("/dashboard").text) is holds
