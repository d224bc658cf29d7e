"""The side-by-side page in a real browser, and the picture of it in the README."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from backends import BACKENDS
from tests.support.services import LabServer
from tests.system.pages.conftest import empty, press

SESSION_COOKIES = {f"session_{name.replace('-', '_')}" for name in BACKENDS}


with_and_without_script = pytest.mark.parametrize(
    "page", ["tab", "scriptless_tab"], indirect=True, ids=["with-script", "without-script"]
)


@pytest.fixture
def page(request: pytest.FixtureRequest, server: LabServer) -> Page:
    page = empty(request.getfixturevalue(getattr(request, "param", "tab")))
    page.goto(server.url)
    return page


def session_cookies(page: Page) -> dict[str, Any]:
    """The session cookies by name, as devtools shows them."""
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    return {name: cookies[name] for name in SESSION_COOKIES & cookies.keys()}


@with_and_without_script
def test_a_columns_own_button_acts_on_it_alone(page: Page) -> None:
    redis = page.locator("#redis")
    redis.get_by_role("button", name="Log in as bob").click()
    redis.get_by_text("Logged in: bob").wait_for()
    assert page.locator("#outcome").inner_text() == "Redis: Logged in."
    assert session_cookies(page).keys() == {"session_redis"}


@pytest.mark.parametrize("page", ["scriptless_tab"], indirect=True)
def test_without_script_the_bar_works_too(page: Page) -> None:
    press(page, "login")
    press(page, "logout")
    assert session_cookies(page) == {}
    press(page, "replay")
    assert page.locator("section, article").filter(has_text="still logs in").count() >= 1
    assert page.get_by_text("The token from before the logout is refused.").count() >= 4


def test_the_front_page_is_light(chromium: Browser, server: LabServer) -> None:
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
