"""The password once more, before sessions are ended from elsewhere (OWASP ASVS 5.0, 7.5.2)."""

import re
import time
from html import unescape
from typing import Any, NamedTuple

import pytest
from flask import Flask

from app.accounts.guesses import BY_ADDRESS
from app.accounts.reauthentication import CONFIRMATION_SECONDS
from app.state import state_of
from tests.app.accounts.conftest import find_handles
from tests.support.covers import covers
from tests.support.visitor import Visitor


class Ending(NamedTuple):
    """A form that ends the other session of alice, who administers, too."""

    path: str
    names: tuple[str, ...]
    way_back: str


ENDINGS = (
    Ending("/sessions/end", ("handle",), "/sessions"),
    Ending("/sessions/end-others", (), "/sessions"),
    Ending("/admin/end", ("user", "handle"), "/admin?user=alice#sessions"),
    Ending("/admin/end-all", ("user",), "/admin?user=alice#sessions"),
)

pytestmark = pytest.mark.parametrize("ending", ENDINGS, ids=[ending.path for ending in ENDINGS])


@pytest.fixture
def form(lab_app: Flask, phone: Visitor, ending: Ending) -> dict[str, str]:
    """What the page sends to end the phone's session."""
    [handle] = find_handles(lab_app)
    values = {"user": "alice", "handle": handle}
    return {name: values[name] for name in ending.names}


@pytest.fixture
def alice(visitor: Visitor, form: dict[str, str]) -> Visitor:
    """Logged in so long ago that her password counts no more."""
    visitor.log_in()
    state_of(visitor.app).clock = lambda: time.time() + CONFIRMATION_SECONDS
    return visitor


def sent_again(page: str) -> dict[str, str]:
    """What the page's form sends beside the password."""
    pairs = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return {unescape(name): unescape(value) for name, value in pairs}


@covers(
    *("7.5.2", "7.5.3", "SM-21", "SM-37", "CF-15"), notes={"SM-37": "by the password given again"}
)
def test_nothing_ends_before_the_password_is_given(
    alice: Visitor, phone: Visitor, ending: Ending, form: dict[str, str]
) -> None:
    asked = alice.post(ending.path, **form)
    assert asked.status_code == 403
    assert "because you gave it more than 5 minutes ago" in asked.text
    assert f'action="{ending.path}"' in asked.text
    assert f'href="{ending.way_back}"' in unescape(asked.text)
    assert "outcome-bad" not in asked.text
    assert phone.is_in


def test_the_password_does_the_action_and_rotates_the_token(
    alice: Visitor, phone: Visitor, ending: Ending, form: dict[str, str]
) -> None:
    asked = alice.post(ending.path, **form)
    before = alice.token
    again: dict[str, Any] = {**sent_again(asked.text), "password": "wonderland"}
    assert alice.post(ending.path, **again).status_code == 302
    assert not phone.is_in
    ends_his_own_too = ending.path == "/admin/end-all"
    assert alice.is_in is not ends_his_own_too
    assert (alice.token != before) is not ends_his_own_too


@covers("WSTG-08", "7.5.3")
def test_a_wrong_password_is_told_and_ends_nothing(
    alice: Visitor, phone: Visitor, ending: Ending, form: dict[str, str]
) -> None:
    asked = alice.post(ending.path, **form, password="builder")
    assert asked.status_code == 401
    assert "this is not your password" in asked.text
    assert "builder" not in asked.text
    assert sent_again(asked.text) == form
    assert phone.is_in


def test_wrong_passwords_count_as_failed_logins(
    alice: Visitor, ending: Ending, form: dict[str, str]
) -> None:
    for _ in range(BY_ADDRESS):
        alice.post(ending.path, **form, password="wrong")
    right = {**form, "password": "wonderland"}
    assert alice.post(ending.path, **right).status_code == 429
    assert Visitor(alice.app).log_in().status_code == 429


def test_what_was_sent_is_text_and_a_logout_still_one_click(alice: Visitor, ending: Ending) -> None:
    markup = '"><script>alert(1)</script>'
    asked = alice.post(ending.path, **{markup: markup})
    assert "<script>alert" not in asked.text
    assert sent_again(asked.text) == {markup: markup}
    assert alice.post("/logout").status_code == 302
    assert not alice.is_in
