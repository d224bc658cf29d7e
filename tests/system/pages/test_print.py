"""On paper a page is light and whole, and has nothing that one presses."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.services import LabServer
from tests.system.pages.conftest import press

SHEET: Any = {"width": 703, "height": 1017}
"""A4 within the margins of base.css."""

PAGES = (
    *("/", "/choose", "/lab", "/lab/cost", "/lab/document"),
    *("/lab/logout_is_final", "/lab/logout_is_final/redis"),
)

SHOWN = {"/lab/cost": "#cost-asked g.bar rect", "/choose": ".choice > a"}
"""What the screen may hide and paper must not: the bars of a picture, the answers to a question."""

CUT_OFF = """
[...document.querySelectorAll("main :is(td, th, pre, .cost-scroll)")].filter(
  (each) => each.checkVisibility() && !each.closest("svg, .visually-hidden, details.proof")
    && each.scrollWidth > each.clientWidth + 1
).map((each) => each.textContent.trim().slice(0, 40))
"""


DARK_ON_PAPER = """
() => {
  const read = () => [...document.querySelectorAll("main, main *")].map((each) => {
    const { color, backgroundColor, borderTopColor } = getComputedStyle(each);
    return `${each.localName}.${each.className}: ${color}, ${backgroundColor}, ${borderTopColor}`;
  });
  const dark = read();
  document.documentElement.dataset.bsTheme = "light";
  const light = read();
  return dark.filter((colours, index) => colours !== light[index]);
}
"""
"""What has other colours there in the dark theme than in the light one."""


BROKEN_WORDS = """
(kind) => [...document.querySelectorAll(kind)].flatMap((each) => {
  const text = [...each.childNodes].find((node) => node.data?.trim());
  return [...text.data.matchAll(/[a-z]+/gi)].filter((word) => {
    const range = document.createRange();
    range.setStart(text, word.index);
    range.setEnd(text, word.index + word[0].length);
    return range.getClientRects().length > 1;
  }).map((word) => word[0]);
})
"""


@pytest.fixture
def paper(page: Page, server: LabServer) -> Page:
    """A sheet, printed by somebody who chose the dark theme."""
    page.set_viewport_size(SHEET)
    page.context.add_cookies([{"name": "theme", "value": "dark", "url": server.url}])
    page.emulate_media(media="print")
    return page


@pytest.mark.parametrize("path", PAGES)
def test_a_printed_page_is_whole_and_has_no_buttons(
    paper: Page, server: LabServer, path: str
) -> None:
    paper.goto(f"{server.url}{path}")
    paper.locator("html[data-bs-theme='dark']").wait_for()
    assert paper.evaluate("document.documentElement.scrollWidth") <= SHEET["width"]
    assert paper.evaluate(CUT_OFF) == []
    for name in ("button", "header.top", "footer.foot", "nav", ".skip-link"):
        assert paper.locator(f"{name}:visible").count() == 0, name
    assert paper.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    if path in SHOWN:
        assert paper.locator(f"{SHOWN[path]}:visible").count() > 1


@pytest.mark.parametrize("path", ["/lab", "/cookie/articles"])
def test_the_dark_theme_leaves_no_colour_on_paper(
    paper: Page, server: LabServer, path: str
) -> None:
    paper.goto(f"{server.url}{path}")
    paper.locator("html[data-bs-theme='dark']").wait_for()
    assert paper.evaluate(DARK_ON_PAPER) == []


def test_no_name_of_a_backend_is_broken(paper: Page, server: LabServer) -> None:
    paper.goto(f"{server.url}/lab")
    assert paper.evaluate(BROKEN_WORDS, ".matrix thead th") == []


def test_what_is_folded_is_open_on_paper(paper: Page, server: LabServer) -> None:
    paper.goto(server.url)
    paper.emulate_media(media="screen")
    press(paper, "login")
    folded = paper.locator("details.more:not([open])").first.locator(":scope > :not(summary)")
    folded.first.wait_for(state="attached")
    assert not folded.first.is_visible()
    paper.emulate_media(media="print")
    assert folded.first.is_visible()
