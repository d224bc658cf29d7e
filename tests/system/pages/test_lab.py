"""The laboratory's pages in a real browser, and the report that is one file."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from app.lab.claim import Verdict
from app.lab.experiments import CLAIMS
from app.lab.reports.html import format_html
from app.lab.reports.report import Result
from app.lab.runs.background import RunFiles
from backends import BACKENDS
from tests.lab.reports.made_reports import faulty_run
from tests.support.services import LabServer
from tests.system.pages.conftest import DESKTOP, PHONE, Listen

FIRST = next(iter(CLAIMS))


def test_a_screen_reader_hears_a_table_with_headers(page: Page, server: LabServer) -> None:
    page.goto(f"{server.url}/lab")
    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)
        name = "Each claim, and what became of it on each backend"
        table = page.get_by_role("table", name=name)
        assert table.get_by_role("columnheader").count() == 1 + len(BACKENDS)
        row = table.get_by_role("row", name=CLAIMS["logout_is_final"].sentence)
        assert row.get_by_role("rowheader").count() == 1
        assert row.get_by_role("cell").count() == len(BACKENDS)


def test_what_a_session_costs_is_answered_without_scrolling_and_on_a_phone_in_cards(
    page: Page, server: LabServer
) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{server.url}/lab/cost")
    table = page.get_by_role("table", name="costs whom")
    assert table.get_by_role("row").count() == 1 + len(BACKENDS)
    box = table.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 800
    head = page.locator(".cost-head").first
    assert not head.is_visible()
    page.set_viewport_size(PHONE)
    assert table.get_by_role("rowheader").count() == len(BACKENDS)
    assert head.is_visible()


def test_pictures_have_the_colours_of_the_page(page: Page, server: LabServer) -> None:
    page.goto(f"{server.url}/lab/cost")
    inks = set()
    schemes: tuple[Any, ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        page.locator(f"html[data-bs-theme='{scheme}']").wait_for()
        ink = page.locator("main").evaluate("(element) => getComputedStyle(element).color")
        text = page.locator(".chart text").first
        assert text.evaluate("(element) => getComputedStyle(element).fill") == ink
        inks.add(ink)
    assert len(inks) == 2
    for picture in ("sent", "growth"):
        dashes = page.locator(f"#cost-{picture} .chart > svg .series .line").evaluate_all(
            "(lines) => lines.map((line) => getComputedStyle(line).strokeDasharray)"
        )
        assert len(dashes) > 3
        assert len(set(dashes)) == len(dashes), picture
    assert page.get_by_role("img").count() == 5


def begin_run(files: RunFiles, name: str) -> int:
    """Note the begin of a run of everything; its lock, which is to be closed at its end."""
    lock = files.take_lock()
    assert lock is not None
    files.begin(name, len(CLAIMS) * len(BACKENDS))
    return lock


def test_a_run_fills_the_page_cell_by_cell_without_a_reload(
    page: Page, server: LabServer, files: RunFiles
) -> None:
    lock = begin_run(files, "0123abcd")
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
    files.save_report(faulty_run())
    files.add("ended", seconds=1, surprises=0, errors=0)
    os.close(lock)
    page.get_by_role("button", name="Run all again").wait_for()
    assert page.get_by_role("status").inner_text() == "The run has ended."
    assert page.locator("body[data-same]").count() == 1


def test_a_run_that_fails_says_so_and_gives_the_results_back(
    page: Page, server: LabServer, files: RunFiles
) -> None:
    lock = begin_run(files, "4567abcd")
    page.goto(f"{server.url}/lab")
    page.get_by_text("A run is under way").wait_for()
    os.close(lock)
    page.get_by_text("The last run failed: Its process was ended before it was done.").wait_for()
    assert page.locator("[data-waits]").count() == 0


def test_a_button_starts_a_run_and_another_stops_it(
    page: Page, scriptless_page: Page, tmp_path: Path
) -> None:
    with LabServer(tmp_path) as server:
        page.goto(f"{server.url}/lab")
        page.get_by_role("button", name="Run all").click()
        page.locator(".cell a").first.wait_for()
        page.get_by_role("button", name="Stop it").wait_for()
        scriptless_page.goto(f"{server.url}/lab")
        # It loads itself again until there is something to show.
        scriptless_page.locator(".cell a").first.wait_for()
        page.get_by_role("button", name="Stop it").click()
        page.get_by_text("The last run was stopped after").wait_for()
        assert page.get_by_role("status").inner_text() == "The run was stopped."
        assert page.locator("[data-waits]").count() == 0


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a report in one file, of a few claims: each has an entry of the same kind."""
    file = tmp_path_factory.mktemp("report") / "report.html"
    whole = faulty_run()
    few = [claim for claim in whole.claims if claim.id in list(CLAIMS)[:8]]
    names = [claim.id for claim in few]
    results = [result for result in whole.results if result.claim in names]
    file.write_text(format_html(replace(whole, claims=few, results=results)))
    return file.as_uri()


def test_the_report_fits_every_screen_and_paper_and_loads_nothing(
    page: Page, listen: Listen, report: str
) -> None:
    asked: list[str] = []
    listen("request", lambda request: asked.append(request.url))
    listen("console", lambda message: asked.append(message.text))
    page.goto(report)
    page.locator(f"a[href='#{FIRST}--cookie']").first.click()
    page.locator(f"details[id='{FIRST}--cookie'][open]").wait_for()
    screens: tuple[Any, ...] = ((DESKTOP, "light"), (PHONE, "dark"))
    for size, scheme in screens:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        page.locator(f"html[data-bs-theme='{scheme}']").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(247, 246, 242)") is (scheme == "light")
    page.emulate_media(media="print")
    assert page.locator("details").first.is_hidden()
    assert page.evaluate("getComputedStyle(document.querySelector('.matrix')).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    assert page.locator(".matrix thead").first.is_visible()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_the_report_runs_no_script_but_its_own(
    page: Page, listen: Listen, report: str, tmp_path: Path
) -> None:
    whole = Path(report.removeprefix("file://")).read_text()
    planted = "<script>document.title = 'planted'</script><p style='display:none' id='p'>x</p>"
    spoiled = tmp_path / "spoiled.html"
    spoiled.write_text(whole.replace("<main", f"{planted}<img src=x onerror='alert(1)'><main", 1))
    refused: list[str] = []
    listen("console", lambda message: refused.append(message.text))
    page.goto(spoiled.as_uri())
    page.locator("html[data-bs-theme]").wait_for()
    assert "planted" not in page.title()
    assert page.locator("#p").is_visible()
    assert len([text for text in refused if "Content Security Policy" in text]) >= 3


def test_on_a_phone_a_wide_table_keeps_what_its_rows_are_of(page: Page, server: LabServer) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"{server.url}/lab/cost")
    plan = page.locator(".cost-scroll", has=page.locator(".formula")).first
    plan.evaluate("each => { each.scrollLeft = each.scrollWidth; }")
    head = plan.locator("tbody th").first
    box, row, first = (
        each.evaluate("each => each.getBoundingClientRect().x")
        for each in (plan, head.locator("xpath=.."), head)
    )
    assert row < box <= first < box + 2
