"""Every page fits every screen, keeps to its own policy, and keeps nobody out.

`make soak` looks at all pages of each backend alone by axe, at every size and in both lights.
"""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.services import LabServer
from tests.system.pages.accessibility import find_violations
from tests.system.pages.conftest import DESKTOP, PHONE, Listen, press

SMALLEST: Any = {"width": 320, "height": 640}
LINE_PIXELS = 36
"""Of the menu: with two lines of it the page's head is higher than twice that."""

MISSING = ("/redis/nowhere", "/lab/nothing")
IN_GERMAN = (
    *(f"/filesystem/{name}" for name in ("dashboard", "user/alice", "preferences", "articles")),
    *(f"/filesystem/{name}" for name in ("cart", "uploads", "admin", "account", "sessions")),
    *("/cookie/building-blocks?try=request-info", "/cookie/login?ended=logout"),
    *("/cookie/", "/cookie/sessions", "/filesystem/checkout"),
)
ALIKE = (
    *IN_GERMAN[-3:],
    *("/lab", "/lab?verdict=error&subject=cookie", "/lab/parallel_writes_survive/redis"),
    *("/lab/cost?users=0&size=1&per_second=&hours=8", MISSING[-1]),
    *("/choose", "/choose?logout=soft&size=small"),
)
"""Axe found nothing on others of their kind."""
PAGES = (
    *(*IN_GERMAN, *ALIKE, MISSING[0], "/filesystem/articles/signed"),
    *("/lab?verdict=surprise", "/lab/logout_is_final", "/lab/logout_is_final/cookie"),
    *("/choose?logout=final&servers=one", "/choose?logout=final&servers=several&redis=no"),
    *("/lab/cost", "/lab/document"),
)
MORE_OF_A_KIND = "main section:nth-of-type(n+6), main tr:nth-of-type(n+12), svg g *"
"""What a long page has so many of that axe looks at them for seconds."""


def width_of(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth"))


def test_each_fits_keeps_to_its_policy_and_axe_finds_nothing(
    page: Page, listen: Listen, server: LabServer
) -> None:
    page.goto(server.url)
    press(page, "login")
    said: list[str] = []
    found: list[str] = []
    listen("console", lambda message: said.append(f"{page.url}: {message.text}"))
    listen("pageerror", lambda error: said.append(f"{page.url}: {error}"))
    for path in dict.fromkeys(PAGES):
        page.set_viewport_size(DESKTOP)
        page.goto(f"{server.url}{path}")
        assert width_of(page) <= DESKTOP["width"], path
        page.set_viewport_size(PHONE)
        assert width_of(page) <= PHONE["width"], path
        if path not in ALIKE:
            cut = "(kind) => document.querySelectorAll(kind).forEach((each) => each.remove())"
            page.evaluate(cut, MORE_OF_A_KIND)
            found += find_violations(page)
    assert [text for text in said if not any(path in text for path in MISSING)] == []
    assert found == []


def test_the_front_page_fits_the_smallest_screen_and_axe_finds_nothing(
    page: Page, server: LabServer
) -> None:
    page.set_viewport_size(SMALLEST)
    page.goto(server.url)
    for action in ("login", "write", "grow", "logout", "replay"):
        press(page, action)
        assert width_of(page) <= SMALLEST["width"], action
    page.set_viewport_size(DESKTOP)
    assert find_violations(page) == []


def test_axe_finds_what_is_wrong(page: Page) -> None:
    page.set_content("<img src=x>")
    assert any("image-alt" in each for each in find_violations(page))


def test_no_german_page_scrolls_sideways(page: Page, server: LabServer) -> None:
    page.goto(server.url)
    press(page, "login")
    page.context.add_cookies([{"name": "language", "value": "de", "url": server.url}])
    page.emulate_media(color_scheme="dark")
    page.goto(f"{server.url}{IN_GERMAN[0]}")
    assert page.evaluate("document.querySelector('.top').offsetHeight") < 2 * LINE_PIXELS
    for path in IN_GERMAN:
        page.goto(f"{server.url}{path}")
        page.locator("html[lang='de'][data-bs-theme='dark']").wait_for()
        for size in (DESKTOP, SMALLEST):
            page.set_viewport_size(size)
            assert width_of(page) <= size["width"], path


def test_who_is_logged_in_stands_beside_the_menu_in_a_wide_font(
    page: Page, server: LabServer
) -> None:
    page.request.post(
        f"{server.url}/cookie/login",
        form={"username": "alice", "password": "wonderland"},
        headers={"Origin": server.url},
    )
    page.goto(f"{server.url}/cookie/dashboard")
    page.evaluate("document.body.style.fontFamily = 'monospace'")
    brand, who = (page.locator(each).bounding_box() for each in (".brand", ".who"))
    assert brand
    assert who
    middle = who["y"] + who["height"] / 2
    assert brand["y"] < middle < brand["y"] + brand["height"]
    label = page.locator(".who button")
    assert label.evaluate("each => each.offsetHeight") < LINE_PIXELS


@pytest.mark.parametrize(
    "path",
    ["/lab?verdict=surprise", "/lab/logout_is_final", "/lab/logout_is_final/cookie", "/lab/cost"],
)
def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    page: Page, server: LabServer, path: str
) -> None:
    page.goto(f"{server.url}{path}")
    reachable = page.locator(
        "a[href]:visible, button:visible, select:visible, summary:visible, [tabindex='0']:visible"
    )
    wanted = reachable.count()
    reached = set()
    for _ in range(wanted):
        page.keyboard.press("Tab")
        place, outline = page.evaluate(
            "[[...document.querySelectorAll('*')].indexOf(document.activeElement),"
            " getComputedStyle(document.activeElement).outlineStyle]"
        )
        reached.add(place)
        assert outline != "none", page.evaluate("document.activeElement.outerHTML")
    assert len(reached) == wanted
