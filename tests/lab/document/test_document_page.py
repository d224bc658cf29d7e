"""The document's page leaves nothing out; its verdicts are the report's."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag

from app.lab.claim import FAILS, HOLDS, Verdict
from app.lab.document.statements import UNMEASURED
from app.lab.experiments import CLAIMS
from app.lab.reports.html import format_html
from app.lab.reports.matrix import Links
from app.lab.reports.report import Report
from tests.lab.document.conftest import ShowDocument
from tests.lab.reports.made_reports import AS_EXPECTED, faulty_run

OF_FLASK = (1, 6, 9, 15, 16, 20, 21, 22, 28, 30, 31, 35, 36, 44, 45, 46, 54, 60, 67, 72, 75)
OF_FUNCTIONS = (79, 86, 96, 100, 106, 108, 110, 111, 113, 117, 119, 121, 123, 125, 128)
OF_RESPONSES = (132, 142, 143, 149, 154, 155, 159, 161)
OF_REQUESTS = (164, 165, 166, 167, 168, 169, 170, 173, 177, 181)
OF_SESSIONS = (188, 190, *range(196, 202), *range(206, 211), *range(213, 217), *range(221, 226))
ADVICE = (*range(228, 233), *range(237, 241), *range(243, 246), 248)
LINES = (*OF_FLASK, *OF_FUNCTIONS, *OF_RESPONSES, *OF_REQUESTS, *OF_SESSIONS, *ADVICE)
"""The lines of the document that say something, not headings or code."""

ORDER_OF_190 = ("Sessions", "maintain", "uses")

OF_DOCUMENT = [claim for claim in CLAIMS.values() if claim.statements]


def text_of(element: Tag | None) -> str:
    assert element is not None
    return " ".join(element.get_text(" ").split())


def lines_of(page: BeautifulSoup) -> list[int]:
    return [int(text_of(each).removeprefix("line ")) for each in page.select(".said-line")]


def find_row(page: BeautifulSoup, claim: str) -> Tag:
    link = page.select_one(f'th[scope=row] > a[href="/lab/{claim}"]')
    row = link and link.find_parent("tr")
    assert isinstance(row, Tag)
    return row


def change(report: Report, claim: str, subject: str, **values: Any) -> Report:
    """The report with another result."""
    changed = [
        replace(result, **values) if (result.claim, result.subject) == (claim, subject) else result
        for result in report.results
    ]
    return replace(report, results=changed)


def test_every_line_that_says_something_is_there_in_order(show: ShowDocument) -> None:
    page = show(faulty_run())
    lines = lines_of(page)
    assert all(before <= after for before, after in pairwise(lines))
    assert list(dict.fromkeys(lines)) == list(LINES)
    assert [each["id"] for each in page.select("tbody[id]")] == [f"line-{line}" for line in LINES]


def test_the_statements_of_a_line_are_in_its_order(show: ShowDocument) -> None:
    said = [text_of(each) for each in show(faulty_run()).select("th:has(.said-quote)")]
    of_line = {line: [each for each in said if f"line {line} " in each] for line in LINES}
    for line in range(196, 202):  # a table: of cookies first, of sessions in the second column
        are_second = ["…" in each.partition(":")[2] for each in of_line[line]]
        assert set(are_second) == {False, True}
        assert are_second == sorted(are_second)
    begins = [
        each.partition("“")[2].split()[0] for line in (100, 128, 190) for each in of_line[line]
    ]
    assert begins == ["Provides", "Sessions", "Sessions", "automatically", *ORDER_OF_190]


def test_every_claim_of_the_document_is_there_with_its_quotes(show: ShowDocument) -> None:
    page = show(faulty_run())
    quotes = [text_of(each) for each in page.select(".said-quote")]
    for claim in OF_DOCUMENT:
        assert find_row(page, claim.id)
        assert page.select_one(f'a[href="/lab/{claim.id}#try-it"]')
        for statement in claim.statements:
            assert quotes.count(f"“{statement.quote}”") == 1, statement
    assert all(len(quote.split()) <= 12 for quote in quotes)


def test_each_verdict_and_figure_is_that_of_the_report(show: ShowDocument) -> None:
    report = faulty_run()
    page = show(report)
    for claim in OF_DOCUMENT:
        cells = find_row(page, claim.id).select("td")
        assert len(cells) == len(report.subjects)
        for subject, cell in zip(report.subjects, cells, strict=True):
            found = report.result(claim.id, subject)
            assert found is not None
            evidence = cell.select_one(f'a[href="/lab/{claim.id}/{subject}"]')
            assert text_of(evidence) == found.verdict.signed
            assert " ".join(found.figure.split()) in text_of(cell)


def test_another_result_changes_the_page(show: ShowDocument) -> None:
    before, after = (
        faulty_run(),
        change(faulty_run(), "encrypted", "cookie", verdict=HOLDS, figure="9 of 9 unreadable"),
    )
    was, now = (text_of(find_row(show(report), "encrypted")) for report in (before, after))
    assert "9 of 9 unreadable" in now
    assert "9 of 9 unreadable" not in was
    assert (was.count(FAILS.signed), now.count(FAILS.signed)) == (2, 1)


def test_the_first_sentence_counts_by_the_report(show: ShowDocument) -> None:
    lead = ".lead"
    assert "21 on some backends only, and 0 nowhere." in text_of(
        show(faulty_run()).select_one(lead)
    )
    true_once = change(faulty_run(), "encrypted", "cookie", verdict=HOLDS)
    assert "21 on some backends only, and 0 nowhere." in text_of(show(true_once).select_one(lead))


def test_what_a_run_left_out_is_not_tried(show: ShowDocument) -> None:
    page = show(AS_EXPECTED)
    assert "2 nowhere. 24 could not be tried." in text_of(page.select_one(".lead"))
    assert text_of(find_row(page, "fixation")).count("not tried") == len(AS_EXPECTED.subjects)
    assert len(find_row(page, "server_side").select(".verdict")) == len(AS_EXPECTED.subjects)


def test_an_error_is_not_counted_as_false(show: ShowDocument) -> None:
    broken = faulty_run()
    for subject in broken.subjects:
        broken = change(broken, "encrypted", subject, verdict=Verdict.ERROR)
    lead = text_of(show(broken).select_one(".lead"))
    assert "and 0 nowhere. 2 could not be tried." in lead


@pytest.mark.parametrize("backend", ["filesystem", None])
def test_each_link_leads_to_a_page_and_no_statement_is_without(
    backend: str | None, show: ShowDocument, make_app: Callable[..., Any]
) -> None:
    page = show(faulty_run(), SESSION_BACKEND=backend)
    seen = page.select(".see")
    assert len(seen) == len(UNMEASURED)
    assert all(each.find("a") for each in seen)
    client = make_app(faulty_run(), SESSION_BACKEND=backend).test_client()
    for address in {str(link["href"]) for link in page.select("main a[href^='/']")}:
        with client.get(address) as answer:
            assert answer.status_code in (200, 302), address


def test_side_by_side_a_page_of_a_backend_is_below_its_mount(show: ShowDocument) -> None:
    alone, beside = (show(faulty_run(), SESSION_BACKEND=name) for name in ("redis", None))
    assert alone.select_one('.see a[href="/checkout"]')
    assert beside.select_one('.see a[href="/cookie/checkout"]')
    assert not beside.select_one('.see a[href="/checkout"]')


def test_a_public_page_is_linked_without_an_account(make_app: Callable[..., Any]) -> None:
    client = make_app(faulty_run(), DEMO_ACCOUNTS={}).test_client()
    assert (
        '<a href="/user/alice">A public page: any name will do</a>'
        in client.get("/lab/document").text
    )
    assert client.get("/user/alice").status_code == 200


def test_the_building_blocks_are_linked_only_where_they_are(make_app: Callable[..., Any]) -> None:
    app = make_app(faulty_run())
    if "building_blocks.index" not in app.view_functions:
        text = make_app(faulty_run()).test_client().get("/lab/document").text
        assert "Building blocks" not in text
        app.add_url_rule("/building-blocks", "building_blocks.index", lambda: "")
    text = app.test_client().get("/lab/document").text
    assert 'href="/building-blocks">Building blocks' in text


def test_a_claim_leads_to_its_lines_where_the_page_is(make_app: Callable[..., Any]) -> None:
    client = make_app(faulty_run()).test_client()
    for line in (100, 128):
        link = f'<a href="/lab/document#line-{line}">line {line}</a>'
        assert link in client.get("/lab/encrypted").text
    assert 'href="/lab/document"' in client.get("/lab").text
    assert Links("#", "--").line(100) is None
    in_one_file = format_html(faulty_run())
    assert "<footer>line 100</footer>" in in_one_file
    assert "#line-" not in in_one_file
