"""The laboratory's pages in a real browser, and the report that is one file."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app.lab.claim import Verdict
from app.lab.experiments import CLAIMS
from app.lab.reports.html import html_report
from app.lab.reports.report import Result
from app.lab.runs.background import RunFiles
from backends import BACKENDS
from tests.support.made_up_report import made_up_report
from tests.support.services import LabServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.usefixtures("untraced_processes")

DESKTOP: Any = {"width": 1280, "height": 900}
PHONE: Any = {"width": 390, "height": 844}

FIRST = next(iter(CLAIMS))
PAGES = (
    "/lab",
    "/lab?verdict=surprise",
    "/lab?verdict=error&subject=cookie",
    "/lab/logout_is_final",
    "/lab/logout_is_final/cookie",
    "/lab/parallel_writes_survive/redis",
    "/lab/nothing",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """The application, with the results of a run."""
    folder = tmp_path_factory.mktemp("lab")
    files = RunFiles(folder / "instance" / "lab")
    files.folder.mkdir(parents=True)
    files.keep(made_up_report())
    with LabServer(folder) as server:
        yield server


@pytest.fixture
def files(server: LabServer) -> RunFiles:
    """The files of the runs of that server."""
    return RunFiles(server.folder / "instance" / "lab")


@pytest.fixture
def page(chromium: "Browser") -> Iterator["Page"]:
    context = chromium.new_context(viewport=DESKTOP, reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(
    ("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"]
)
def test_no_page_scrolls_sideways_or_breaks_its_own_policy(
    chromium: "Browser", server: LabServer, size: Any, scheme: Any
) -> None:
    context = chromium.new_context(viewport=size, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
    for path in PAGES:
        page.goto(f"{server.url}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
        assert page.evaluate("document.documentElement.dataset.bsTheme") == scheme, path
    context.close()
    assert [text for text in said if "/lab/nothing" not in text] == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_screen_reader_hears_a_table_with_headers(
    chromium: "Browser", server: LabServer, size: Any
) -> None:
    context = chromium.new_context(viewport=size)
    page = context.new_page()
    page.goto(f"{server.url}/lab")
    table = page.get_by_role("table", name="Each claim, and what became of it on each backend")
    assert table.get_by_role("columnheader").count() == 1 + len(BACKENDS)
    row = table.get_by_role("row", name=CLAIMS["logout_is_final"].sentence)
    assert row.get_by_role("rowheader").count() == 1
    assert row.get_by_role("cell").count() == len(BACKENDS)
    context.close()


@pytest.mark.parametrize("path", PAGES[:1] + PAGES[3:5])
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


def test_a_run_fills_the_page_cell_by_cell_without_a_reload(
    page: "Page", server: LabServer, files: RunFiles
) -> None:
    lock = files.take_lock()
    assert lock is not None
    files.begin("0123abcd", len(CLAIMS) * len(BACKENDS))
    page.goto(f"{server.url}/lab")
    page.evaluate("document.body.dataset.same = ''")
    waiting = page.locator("[data-waits]").count()
    files.add_result(
        Result(FIRST, "redis", Verdict.FAILS, Verdict.HOLDS, "7 of 9", "So it was.", 1)
    )
    cell = page.locator(f"[data-cell='{FIRST}/redis']")
    cell.get_by_text("7 of 9").wait_for()
    assert "fails" in cell.inner_text()
    assert "surprise: expected “holds”" in cell.inner_text()
    assert page.locator("[data-waits]").count() == waiting - 1
    assert page.locator("[data-done]").inner_text() == "1"
    files.keep(made_up_report())
    files.add("ended", seconds=1, surprises=0, errors=0)
    os.close(lock)
    page.get_by_role("button", name="Run all again").wait_for()
    assert page.get_by_role("status").inner_text() == "The run has ended."
    assert page.locator("body[data-same]").count() == 1


def test_a_run_that_fails_says_so_and_gives_the_results_back(
    page: "Page", server: LabServer, files: RunFiles
) -> None:
    lock = files.take_lock()
    assert lock is not None
    files.begin("4567abcd", len(CLAIMS) * len(BACKENDS))
    page.goto(f"{server.url}/lab")
    page.get_by_text("A run is under way").wait_for()
    os.close(lock)
    page.get_by_text("The last run failed: Its process was ended before it was done.").wait_for()
    assert page.locator("[data-waits]").count() == 0


@pytest.mark.parametrize("script", [True, False], ids=["with-script", "without-script"])
def test_the_button_starts_a_run(chromium: "Browser", tmp_path: Path, script: bool) -> None:
    with LabServer(tmp_path) as server:
        page = chromium.new_context(java_script_enabled=script).new_page()
        page.goto(f"{server.url}/lab")
        page.get_by_role("button", name="Run all").click()
        # Without a script the page loads itself anew until there is something to show.
        page.locator(".cell a").first.wait_for()
        page.context.close()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_is_at_home_on_every_screen_and_asks_for_nothing(
    chromium: "Browser", tmp_path: Path, size: Any, scheme: Any
) -> None:
    file = tmp_path / "report.html"
    file.write_text(html_report(made_up_report()))
    context = chromium.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: asked.append(message.text))
    page.goto(file.as_uri())
    page.locator(f"a[href='#{FIRST}--cookie']").first.click()
    page.locator(f"details[id='{FIRST}--cookie'][open]").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(247, 246, 242)") is (scheme == "light")
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    context.close()


def test_the_report_on_paper_has_no_dark_ground_and_no_evidence(
    page: "Page", tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(html_report(made_up_report()))
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(file.as_uri())
    assert page.locator("details").first.is_hidden()
    assert page.evaluate("getComputedStyle(document.querySelector('.matrix')).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    assert page.locator(".matrix thead").first.is_visible()
