"""How long a session lives, how long a given password counts, how large a cookie grows."""

import secrets
from datetime import timedelta

import pytest
from flask import Flask

from app.config import VARIABLES
from app.lab.cookie_jar import Jar, Refused
from app.web.plain_cookies import A_DAY
from backends import Backend, ConfigurationError
from tests.conftest import SetClock
from tests.owasp.conftest import MakeLab
from tests.owasp.people import Person
from tests.owasp.promises import REVOCABLE, covers

DEFAULTS = {variable.name: variable.default for variable in VARIABLES}
IDLE = int(DEFAULTS["SESSION_IDLE_SECONDS"])
ABSOLUTE = int(DEFAULTS["SESSION_ABSOLUTE_SECONDS"])
WINDOW = 300


@covers(
    "7.1.1",
    "7.3.1",
    "9.2.1",
    "SM-24",
    "SM-27",
    "RF-07",
    "WSTG-07",
    notes={"7.3.1": "a signed cookie ages copy by copy"},
)
def test_a_session_that_nobody_uses_ends_at_its_idle_limit(lab: Flask, clock: SetClock) -> None:
    alice = Person(lab).in_as("alice")
    clock.forward(IDLE - 1)
    assert alice.is_in
    kept = alice.copy()
    clock.forward(IDLE + 1)
    assert not alice.is_in
    assert not kept.is_in


@covers("7.1.1", "7.3.2", "SM-25", "WSTG-07")
def test_a_session_ends_at_its_absolute_limit_however_much_it_is_used(
    alice: Person, clock: SetClock
) -> None:
    for _ in range(ABSOLUTE // (IDLE // 2) - 1):
        clock.forward(IDLE // 2)
        alice.note("still here")
        assert alice.is_in
    clock.forward(IDLE // 2 + 1)
    assert not alice.is_in


@covers("7.5.1", "7.5.3", "SM-21", "CF-15", "SM-37")
def test_a_sensitive_change_needs_the_password_and_the_window_closes_again(
    alice: Person, clock: SetClock
) -> None:
    def change(path: str, **more: str) -> int:
        return alice.post(path, user="bob", **more).status_code

    clock.forward(WINDOW + 1)
    assert change("/admin/disable") == 403
    assert change("/admin/disable", password="wrong") == 401
    assert "Disable bob" in alice.get("/admin").text
    assert change("/admin/disable", password="wonderland") == 302
    assert change("/admin/enable") == 302
    copied = alice.copy()
    clock.forward(WINDOW + 1)
    assert change("/admin/disable") == 403
    assert copied.post("/admin/disable", user="bob").status_code == 403


@covers("7.5.3", limit=REVOCABLE)
def test_a_copy_made_while_the_window_is_open_is_of_no_use_after_the_logout(
    alice: Person, holds: bool
) -> None:
    copied = alice.copy()
    alice.post("/logout")
    location = copied.post("/admin/disable", user="bob").location
    changed = location == "/admin?user=bob&done=disable#sessions"
    assert (not changed) is holds


@covers("7.5.1", "SM-21")
def test_a_new_password_needs_the_present_one_in_the_open_window_too(alice: Person) -> None:
    assert alice.post("/account/password", new="looking-glass").status_code == 400
    wrong = alice.post("/account/password", current="wrong", new="looking-glass")
    assert wrong.status_code == 401
    assert Person(alice.app).in_as("alice").is_in


@covers(
    "3.3.5", "RF-17", "RF-23", notes={"3.3.5": "beyond it the signed cookie is refused with 413"}
)
def test_no_cookie_grows_beyond_what_a_browser_keeps(alice: Person, backend: Backend) -> None:
    sizes, refused = set[int](), 0
    for _ in range(25):
        before = alice.secret
        if alice.note(secrets.token_urlsafe(140)).status_code == 413:
            refused += 1
            assert alice.secret == before
        sizes.add(len(alice.cookie_name) + len(alice.secret))
    assert max(sizes) <= 4096
    if backend.state == "server":
        assert (len(sizes), refused) == (1, 0)
    else:
        assert refused > 0
    assert alice.is_in


@covers("RF-20", "SM-15", "RF-08")
def test_a_session_lasts_two_weeks_at_most_and_its_cookie_until_the_browser_closes(
    make_lab: MakeLab, alice: Person
) -> None:
    fortnight = timedelta(days=14).total_seconds()
    assert fortnight >= ABSOLUTE
    for name in ("SESSION_IDLE_SECONDS", "SESSION_ABSOLUTE_SECONDS"):
        with pytest.raises(ConfigurationError, match=name):
            make_lab(**{name: str(int(fortnight) + 1)})
    for header in alice.log_in().headers.getlist("Set-Cookie"):
        assert "expires" not in header.lower()
        assert "max-age" not in header.lower()


@covers("RF-18", "RF-19")
def test_no_cookie_asks_for_more_than_a_browser_grants(lab: Flask, make_lab: MakeLab) -> None:
    jar = Jar(trusts_loopback=True)
    visitor = Person(lab)
    visitor.post("/login", username="alice", password="wonderland", remember="y")
    answers = [
        visitor.post("/preferences", theme="dark", language="en", currency="EUR", layout="compact"),
        visitor.post("/login", username="alice", password="wonderland", remember="y"),
        Person(make_lab(SESSION_COOKIE_PATH="/" + "x" * 2000)).log_in(),
    ]
    headers = [header for answer in answers for header in answer.headers.getlist("Set-Cookie")]
    assert len(headers) >= 6
    for header in headers:
        kept = jar.store("http://localhost/", header)
        assert not isinstance(kept, Refused)
        assert kept.path == "/"
        if kept.expires is not None:
            assert kept.expires - kept.created <= 400 * A_DAY
            assert f"Max-Age={round(kept.expires - kept.created)}" in header
        assert all(len(attribute) <= 1024 for attribute in header.split(";")[1:])
