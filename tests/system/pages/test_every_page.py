"""Every page fits every screen, keeps to its own policy and is reached by the keyboard."""

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.services import LabServer
from tests.system.pages.conftest import DESKTOP, PHONE, Listen

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCREENS: Any = ((DESKTOP, "light"), (PHONE, "dark"))
SMALLEST: Any = {"width": 320, "height": 640}
LINE_PIXELS = 36
"""Of the menu: with two lines of it the page's head is higher than twice that."""

MISSING = ("/redis/nowhere", "/lab/nothing")
PAGES = (
    "/",
    "/cookie/",
    "/cookie/dashboard",
    "/redis/login",
    "/filesystem/user/alice",
    *(f"/filesystem/{name}" for name in ("preferences", "articles", "cart", "checkout", "uploads")),
    *(f"/filesystem/{name}" for name in ("admin", "account", "sessions")),
    "/cookie/building-blocks?try=request-info",
    "/lab",
    "/lab?verdict=surprise",
    "/lab?verdict=error&subject=cookie",
    "/lab/logout_is_final",
    "/choose",
    "/choose?logout=final&servers=several&redis=no",
    "/choose?logout=soft&size=small",
    "/lab/document",
    "/lab/cost",
    "/lab/cost?users=0&size=1&per_second=&hours=8",
    "/lab/logout_is_final/cookie",
    "/lab/parallel_writes_survive/redis",
    *MISSING,
)
GERMAN_PAGES = (
    *(path for path in PAGES if path.startswith(("/cookie/", "/redis/", "/filesystem/"))),
    *("/cookie/sessions", "/filesystem/sessions", "/filesystem/account"),
)


def test_no_page_scrolls_sideways_or_breaks_its_own_policy(
    page: "Page", listen: Listen, server: LabServer
) -> None:
    page.goto(server.url)
    page.locator("form[action='/all/login'] button").first.click()
    page.get_by_text("Logged in: alice").first.wait_for()
    said: list[str] = []
    listen("console", lambda message: said.append(f"{page.url}: {message.text}"))
    listen("pageerror", lambda error: said.append(f"{page.url}: {error}"))
    for path in PAGES:
        page.goto(f"{server.url}{path}")
        for size, scheme in SCREENS:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size(size)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
            page.locator(f"html[data-bs-theme='{scheme}']").wait_for()
    assert [text for text in said if not any(path in text for path in MISSING)] == []


def test_the_front_page_fits_the_smallest_screen(page: "Page", server: LabServer) -> None:
    page.set_viewport_size(SMALLEST)
    page.goto(server.url)
    for action in ("login", "write", "grow", "logout", "replay"):
        page.locator(f"form[action='/all/{action}'] button").first.click()
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= SMALLEST["width"], action


def test_no_german_page_scrolls_sideways(chromium: "Browser", server: LabServer) -> None:
    context = chromium.new_context(locale="de-DE", viewport=DESKTOP)
    page = context.new_page()
    for backend in ("cookie", "filesystem"):
        page.goto(f"{server.url}/{backend}/login")
        page.get_by_label("Name", exact=True).fill("alice")
        page.get_by_label("Passwort").fill("wonderland")
        page.locator("main input[type='submit']").click()
        page.get_by_role("heading", name="Willkommen, alice!").wait_for()
    assert page.evaluate("document.querySelector('.top').offsetHeight") < 2 * LINE_PIXELS
    for path in GERMAN_PAGES:
        page.goto(f"{server.url}{path}")
        assert page.locator("html[lang='de']").count() == 1, path
        for size in (DESKTOP, PHONE, SMALLEST):
            page.set_viewport_size(size)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
    context.close()


@pytest.mark.parametrize(
    "path",
    ["/lab?verdict=surprise", "/lab/logout_is_final", "/lab/logout_is_final/cookie", "/lab/cost"],
)
def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    page: "Page", server: LabServer, path: str
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
