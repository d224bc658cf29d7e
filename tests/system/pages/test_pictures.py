"""The pictures of the documents: `rm docs/pictures/*.png` and this test make them anew."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.support.services import LabServer
from tests.system.pages.conftest import COMMAND, DESKTOP, press

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "pictures"


def replay(page: Page, url: str) -> None:
    """Log in and out, and send the copied token."""
    page.goto(url)
    for action in ("login", "logout", "replay"):
        press(page, action)
    page.set_viewport_size({"width": 1280, "height": 1640})


def opened(path: str) -> Callable[[Page, str], None]:
    def open_page(page: Page, url: str) -> None:
        page.goto(f"{url}{path}")

    return open_page


PICTURES: dict[str, Callable[[Page, str], None]] = {
    "side-by-side": replay,
    "choose": opened("/choose?logout=final"),
    "laboratory": opened("/lab"),
    "document": opened("/lab/document#section-98"),
    "evidence": opened("/lab/logout_is_final/cookie"),
}


def take(name: str, page: Page, url: str) -> None:
    page.set_viewport_size(DESKTOP)  # the picture before this may have enlarged it
    PICTURES[name](page, url)
    page.mouse.move(0, 0)
    page.evaluate("document.fonts.ready")
    page.screenshot(animations="disabled", path=FOLDER / f"{name}.png")


def test_every_picture_is_there_and_shown_somewhere(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    shown = "".join(path.read_text() for path in (ROOT / "README.md", *ROOT.glob("docs/*.md")))
    assert all(f"{name}.png" in shown for name in PICTURES)
    there = {path.stem for path in FOLDER.glob("*.png")}
    assert there <= PICTURES.keys()
    if missing := PICTURES.keys() - there:
        with LabServer(tmp_path, command=COMMAND) as server:
            for name in missing:
                take(name, request.getfixturevalue("page"), server.url)
