"""The side-by-side page in a real browser, and the picture of it in the README."""

from typing import TYPE_CHECKING, Any

import pytest

from app.inspector.side_by_side import DONE, OUTCOMES
from backends import BACKENDS
from tests.support.services import LabServer
from tests.system.pages.conftest import empty

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SAYS = {**DONE, "grow": OUTCOMES["413"], "replay": OUTCOMES["still-logged-in"]}
"""What tells that an action is over: the bar's sentence."""
SESSION_COOKIES = {f"session_{name.replace('-', '_')}" for name in BACKENDS}


with_and_without_script = pytest.mark.parametrize(
    "page", ["tab", "scriptless_tab"], indirect=True, ids=["with-script", "without-script"]
)


@pytest.fixture
def page(request: pytest.FixtureRequest, server: LabServer) -> "Page":
    page = empty(request.getfixturevalue(getattr(request, "param", "tab")))
    page.goto(server.url)
    return page


def press(page: "Page", action: str) -> None:
    """Press the bar's button and wait until the page tells what became of it."""
    page.locator(f"form[action='/all/{action}'] button").first.click()
    page.locator("#outcome", has_text=SAYS[action]).wait_for()


def session_cookies(page: "Page") -> dict[str, Any]:
    """The session cookies by name, as devtools shows them."""
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    return {name: cookies[name] for name in SESSION_COOKIES & cookies.keys()}


def test_a_login_sets_one_session_cookie_for_each_backend(page: "Page") -> None:
    """It ends with the browser, except where Flask-Session keeps it."""
    assert page.context.cookies() == []
    press(page, "login")
    cookies = session_cookies(page)
    assert cookies.keys() == SESSION_COOKIES
    for cookie in cookies.values():
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Lax"
    assert page.get_by_text("Logged in: alice").count() == len(BACKENDS)
    assert {name for name, cookie in cookies.items() if cookie["expires"] != -1} == {
        f"session_{name.replace('-', '_')}"
        for name, backend in BACKENDS.items()
        if backend.stock and backend.state == "server"
    }


def test_adding_five_kilobytes_leaves_every_cookie_as_it_was(page: "Page") -> None:
    press(page, "login")
    before = {name: cookie["value"] for name, cookie in session_cookies(page).items()}
    press(page, "grow")
    after = {name: cookie["value"] for name, cookie in session_cookies(page).items()}
    assert after == before
    assert page.get_by_text("Refused: a browser keeps at most 4096 bytes").count() >= 1
    assert page.locator("#flask-cookie").get_by_text("Answered as done, and lost").count() == 1


@with_and_without_script
def test_a_columns_own_button_acts_on_it_alone(page: "Page") -> None:
    redis = page.locator("#redis")
    redis.get_by_role("button", name="Log in as bob").click()
    redis.get_by_text("Logged in: bob").wait_for()
    assert page.locator("#outcome").inner_text() == "Redis: Logged in."
    assert session_cookies(page).keys() == {"session_redis"}


@with_and_without_script
def test_logout_takes_every_cookie_and_the_replayed_token_lives_on_one_backend(
    page: "Page",
) -> None:
    press(page, "login")
    press(page, "logout")
    assert session_cookies(page) == {}
    press(page, "replay")
    columns = page.locator("section, article").filter(has_text="still logs in")
    assert columns.count() >= 1
    assert page.get_by_text("The token from before the logout is refused.").count() >= 4


def test_the_front_page_is_light(chromium: "Browser", server: LabServer) -> None:
    """Everything that it loads, as it goes over the wire to a browser without a cache."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(server.url, wait_until="networkidle")
    sizes = page.evaluate(
        "['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind))"
        ".map((entry) => entry.transferSize)"
    )
    context.close()
    assert len(sizes) > 3
    assert sum(sizes) < 120_000
