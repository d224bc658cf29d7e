"""The README's guide to devtools, step by step, with what Chromium's own protocol reports."""

import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from backends import BACKENDS
from tests.support.processes import PROJECT, run
from tests.support.services import LabServer
from tests.system.pages.conftest import press

README = PROJECT / "README.md"

SIGNED = {name for name, backend in BACKENDS.items() if backend.state == "browser"}


class Devtools:
    """A page, and the panels of devtools beside it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self._protocol = page.context.new_cdp_session(page)
        self.url = url
        self.sent: list[dict[str, Any]] = []
        """Of each request with extra information, the newest last: its cookies."""
        self.received: list[dict[str, Any]] = []
        self._protocol.send("Network.enable")
        for event, kept in (
            ("Network.requestWillBeSentExtraInfo", self.sent),
            ("Network.responseReceivedExtraInfo", self.received),
        ):
            self._protocol.on(event, lambda found, kept=kept: kept.append(found))
        self.page.goto(url)

    def close(self) -> None:
        self._protocol.detach()

    def cookies(self) -> dict[str, dict[str, Any]]:
        """Application → Cookies: the rows by name, with the columns as keys."""
        found = self._protocol.send("Network.getCookies")["cookies"]
        return {cookie["name"]: cookie for cookie in found}

    def press(self, action: str) -> list[dict[str, Any]]:
        """Press a button of the bar: the answers that came, as Network shows them."""
        self.received.clear()
        press(self.page, action)
        return list(self.received)

    def console(self, expression: str) -> Any:
        """What the console prints for the expression."""
        answer = self._protocol.send("Runtime.evaluate", {"expression": expression})
        return answer["result"].get("value")


@pytest.fixture
def devtools(page: Page, server: LabServer) -> Iterator[Devtools]:
    devtools = Devtools(page, server.url)
    yield devtools
    devtools.close()


def cookie_of(name: str) -> str:
    return f"session_{name.replace('-', '_')}"


def set_cookies(answers: list[dict[str, Any]]) -> dict[str, str]:
    """The values of the `Set-Cookie` headers, by the cookie's name."""
    lines = [
        line
        for answer in answers
        for name, text in answer["headers"].items()
        if name.lower() == "set-cookie"
        for line in text.split("\n")
    ]
    return {line.partition("=")[0]: line for line in lines}


def step_1_one_cookie_for_each_backend_and_its_size(devtools: Devtools) -> None:
    assert devtools.cookies() == {}
    devtools.press("login")
    first = devtools.cookies()
    assert first.keys() == {cookie_of(name) for name in BACKENDS}
    devtools.press("write")
    second = devtools.cookies()
    for name in BACKENDS:
        before, after = first[cookie_of(name)], second[cookie_of(name)]
        assert before["size"] == len(before["name"]) + len(before["value"])
        assert (after["size"] > before["size"]) is (name in SIGNED)
        assert (60 <= after["size"] <= 110) is (name not in SIGNED)
        assert (after["httpOnly"], after["secure"], after["sameSite"]) == (True, False, "Lax")
        # The column Expires says "Session" but where Flask-Session keeps it.
        keeps = BACKENDS[name].stock and name not in SIGNED
        assert after["session"] is not keeps


def step_2_the_signed_cookie_is_read_without_a_key(devtools: Devtools) -> None:
    command = [sys.executable, "-m", "app", "cookie", "decode"]
    names = ("session_cookie", "session_redis")
    signed, other = (run([*command, devtools.cookies()[name]["value"]]) for name in names)
    assert '"user": "alice"' in signed.stdout
    assert "alice" not in other.stdout + other.stderr
    assert "Nothing can be read in it" in other.stdout + other.stderr


def step_3_a_note_sets_the_cookie_anew_and_the_dashboard_does_not(devtools: Devtools) -> None:
    before = devtools.cookies()["session_cookie"]
    answered = set_cookies(devtools.press("write"))
    after = devtools.cookies()["session_cookie"]
    assert f"session_cookie={after['value']}" in answered["session_cookie"]
    assert after["size"] > before["size"]
    devtools.sent.clear()
    devtools.received.clear()
    devtools.page.goto(f"{devtools.url}/cookie/dashboard")
    carried = [
        each["cookie"]["value"]
        for each in devtools.sent[0]["associatedCookies"]
        if each["cookie"]["name"] == "session_cookie" and not each["blockedReasons"]
    ]
    assert carried == [after["value"]]
    assert "session_cookie" not in set_cookies(devtools.received[:1])


def step_4_five_kilobytes_are_refused_kept_or_lost(devtools: Devtools) -> None:
    before = devtools.cookies()
    answers = devtools.press("grow")
    after = devtools.cookies()
    assert {name: each["value"] for name, each in after.items()} == {
        name: each["value"] for name, each in before.items()
    }
    sent = set_cookies(answers)
    assert "session_cookie" not in sent
    assert len(sent["session_flask_cookie"].partition(";")[0]) > 4096
    blocked = [each for answer in answers for each in answer.get("blockedCookies", ())]
    assert [each["blockedReasons"] for each in blocked] == [["NameValuePairExceedsMaxSize"]]
    for name in BACKENDS.keys() - SIGNED:
        assert devtools.page.locator(f"#{name}").get_by_text("5 KB more").count() == 1
    for text in ("Refused: a browser keeps at most 4096 bytes", "Answered as done, and lost"):
        assert devtools.page.get_by_text(text).count() >= 1


def step_5_the_token_from_before_the_logout_lives_on_signed_cookies(devtools: Devtools) -> None:
    devtools.press("logout")
    assert not any(name.startswith("session_") for name in devtools.cookies())
    devtools.press("replay")
    for name in BACKENDS:
        column = devtools.page.locator(f"#{name}")
        assert column.get_by_text("Welcome alice!").count() == (name in SIGNED)
        assert column.get_by_text("copied before the logout").count() == 1


def step_6_a_script_sees_preferences_and_no_session(devtools: Devtools) -> None:
    devtools.page.goto(f"{devtools.url}/cookie/preferences")
    devtools.page.locator("[name=theme]").select_option("dark")
    devtools.page.get_by_role("button", name="Save").click()
    devtools.page.wait_for_load_state()
    seen = devtools.console("document.cookie")
    assert "theme=" in seen
    assert "session_" not in seen


def test_each_step_of_the_guide_shows_what_it_says(devtools: Devtools) -> None:
    """The fifth logs out, so it comes last."""
    guide = README.read_text().partition("## What to look at in devtools")[2].partition("\n## ")[0]
    assert re.findall(r"^(\d)\. \*\*", guide, re.MULTILINE) == ["1", "2", "3", "4", "5", "6"]
    step_1_one_cookie_for_each_backend_and_its_size(devtools)
    step_2_the_signed_cookie_is_read_without_a_key(devtools)
    step_3_a_note_sets_the_cookie_anew_and_the_dashboard_does_not(devtools)
    devtools.page.goto(devtools.url)
    step_4_five_kilobytes_are_refused_kept_or_lost(devtools)
    step_6_a_script_sees_preferences_and_no_session(devtools)
    devtools.page.goto(devtools.url)
    step_5_the_token_from_before_the_logout_lives_on_signed_cookies(devtools)
