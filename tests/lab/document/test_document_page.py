"""The document's page leaves nothing out; its verdicts are the report's."""

import html
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from flask.testing import FlaskClient

from app.lab.claim import CANNOT_APPLY, FAILS, HOLDS, Verdict
from app.lab.document.checked import TriedBy, TrueWhere, check_statements, count_statements
from app.lab.document.statements import UNMEASURED
from app.lab.experiments import CLAIMS
from app.lab.reports.matrix import Links
from app.lab.reports.report import Report
from app.lab.runs.background import RunFiles
from tests.lab.conftest import make_lab
from tests.lab.reports.made_reports import (
    AS_EXPECTED,
    ENCRYPTED,
    HIDDEN,
    faulty_html,
    faulty_run,
    result,
)
from tests.support.html import parse_page

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


def make_client(folder: Path, report: Report, **settings: Any) -> FlaskClient:
    """A browser at an application with the laboratory, whose last run had this report."""
    RunFiles(folder).save_report(report)
    return make_lab(folder, **settings).test_client()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return make_client(tmp_path_factory.mktemp("lab"), faulty_run())


@pytest.fixture(scope="module")
def page(client: FlaskClient) -> BeautifulSoup:
    return parse_page(client.get("/lab/document").text)


def text_of(element: Tag | None) -> str:
    assert element is not None
    return " ".join(element.get_text(" ").split())


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


def test_every_line_that_says_something_is_there_in_order(page: BeautifulSoup) -> None:
    lines = [int(text_of(each).removeprefix("line ")) for each in page.select(".said-line")]
    assert all(before <= after for before, after in pairwise(lines))
    assert list(dict.fromkeys(lines)) == list(LINES)
    assert [each["id"] for each in page.select("tbody[id]")] == [f"line-{line}" for line in LINES]


def test_the_statements_of_a_line_are_in_its_order(page: BeautifulSoup) -> None:
    said = [text_of(each) for each in page.select("th:has(.said-quote)")]
    of_line = {line: [each for each in said if f"line {line} " in each] for line in LINES}
    for line in range(196, 202):  # a table: of cookies first, of sessions in the second column
        are_second = ["…" in each.partition(":")[2] for each in of_line[line]]
        assert set(are_second) == {False, True}
        assert are_second == sorted(are_second)
    begins = [
        each.partition("“")[2].split()[0] for line in (100, 128, 190) for each in of_line[line]
    ]
    assert begins == ["Provides", "Sessions", "Sessions", "automatically", *ORDER_OF_190]


def test_every_claim_of_the_document_is_there_with_its_quotes(page: BeautifulSoup) -> None:
    quotes = [text_of(each) for each in page.select(".said-quote")]
    for claim in OF_DOCUMENT:
        assert find_row(page, claim.id)
        assert page.select_one(f'a[href="/lab/{claim.id}#try-it"]')
        for statement in claim.statements:
            assert quotes.count(f"“{statement.quote}”") == 1, statement
    assert all(len(quote.split()) <= 12 for quote in quotes)


def test_each_verdict_and_figure_is_that_of_the_report(page: BeautifulSoup) -> None:
    report = faulty_run()
    for claim in OF_DOCUMENT:
        cells = find_row(page, claim.id).select("td")
        assert len(cells) == len(report.subjects)
        for found, cell in zip(report.row(claim.id), cells, strict=True):
            evidence = cell.select_one(f'a[href="/lab/{claim.id}/{found.subject}"]')
            assert text_of(evidence) == found.verdict.signed
            assert " ".join(found.figure.split()) in text_of(cell)


def broken_run() -> Report:
    report = faulty_run()
    for subject in report.subjects:
        report = change(report, "encrypted", subject, verdict=Verdict.ERROR)
    return report


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (faulty_run, "21 on some backends only, and 0 nowhere."),
        (lambda: AS_EXPECTED, "2 nowhere. 24 could not be tried."),
        (broken_run, "and 0 nowhere. 2 could not be tried."),  # an error makes nothing false
    ],
    ids=["all", "some", "errors"],
)
def test_the_first_sentence_counts_by_the_report(
    make: Callable[[], Report], count: str, tmp_path: Path
) -> None:
    text = make_client(tmp_path, make()).get("/lab/document").text
    assert count in text.partition('<p class="lead">')[2].partition("</p>")[0]


def test_another_result_changes_the_page(client: FlaskClient, tmp_path: Path) -> None:
    other = {"verdict": HOLDS, "figure": "9 of 9 unreadable"}
    changed = make_client(tmp_path, change(faulty_run(), "encrypted", "cookie", **other))
    before, after = (each.get("/lab/document").text for each in (client, changed))
    proofs = re.findall(r'href="/lab/encrypted/cookie">.*?</td>', after, re.DOTALL)
    assert proofs
    assert all("holds" in each and "9 of 9 unreadable" in each for each in proofs)
    assert "9 of 9 unreadable" not in before


def test_what_a_run_left_out_is_not_tried(tmp_path: Path) -> None:
    page = parse_page(make_client(tmp_path, AS_EXPECTED).get("/lab/document").text)
    assert text_of(find_row(page, "fixation")).count("not tried") == len(AS_EXPECTED.subjects)
    assert len(find_row(page, "server_side").select(".verdict")) == len(AS_EXPECTED.subjects)


@pytest.mark.parametrize(
    ("settings", "checkout"),
    [
        ({"SESSION_BACKEND": "filesystem"}, "/checkout"),
        ({"SESSION_BACKEND": None}, "/cookie/checkout"),  # side by side: below a mount
        ({"DEMO_ACCOUNTS": {}}, "/checkout"),
    ],
    ids=["alone", "side by side", "without an account"],
)
def test_each_statement_without_a_claim_leads_to_a_page(
    settings: dict[str, Any], checkout: str, tmp_path: Path
) -> None:
    where = {"SESSION_FILE_DIR": tmp_path / "sessions"}
    client = make_client(tmp_path, faulty_run(), **where, **settings)
    seen = re.findall(r'<span class="see">See: (.*?)</span>', client.get("/lab/document").text)
    assert len(seen) == len(UNMEASURED)
    addresses = [set(re.findall('href="(/[^"]*)"', each)) for each in seen]
    assert all(addresses)
    linked = {html.unescape(address) for each in addresses for address in each}
    assert {address for address in linked if address.endswith("/checkout")} == {checkout}
    assert [each for each in linked if each.endswith("/building-blocks")]
    for address in linked:
        with client.get(address) as answer:
            assert answer.status_code in (200, 302), address


def test_a_claim_leads_to_its_lines_where_the_page_is(client: FlaskClient) -> None:
    for line in (100, 128):
        link = f'<a href="/lab/document#line-{line}">line {line}</a>'
        assert link in client.get("/lab/encrypted").text
    assert 'href="/lab/document"' in client.get("/lab").text
    assert Links("#", "--").line(100) is None
    assert "<footer>line 100</footer>" in faulty_html()
    assert "#line-" not in faulty_html()


SAID = HIDDEN.statements[0]


def test_a_statement_is_true_where_no_claim_refutes_it() -> None:
    proofs = [
        TriedBy(
            ENCRYPTED, [result("encrypted", "cookie", FAILS), result("encrypted", "redis", HOLDS)]
        ),
        TriedBy(HIDDEN, [result("hidden", "cookie", HOLDS), result("hidden", "redis", HOLDS)]),
    ]
    both = next(each for each in check_statements(proofs) if each.statement == SAID)
    assert list(both.proofs) == proofs
    verdicts = [both.verdict(subject) for subject in ("cookie", "redis", "filesystem")]
    assert verdicts == [FAILS, HOLDS, CANNOT_APPLY]


@pytest.mark.parametrize(
    ("verdicts", "where", "words"),
    [
        ([HOLDS, HOLDS], TrueWhere.EVERYWHERE, "1 are true on every backend"),
        ([HOLDS, CANNOT_APPLY], TrueWhere.EVERYWHERE, "1 are true on every backend"),
        ([HOLDS, FAILS], TrueWhere.SOMEWHERE, "1 on some backends only"),
        ([FAILS, CANNOT_APPLY], TrueWhere.NOWHERE, "1 nowhere"),
        ([CANNOT_APPLY, Verdict.SKIPPED], TrueWhere.UNTRIED, "No statement was tried yet."),
        ([], TrueWhere.UNTRIED, "No statement was tried yet."),
    ],
)
def test_statements_are_counted_by_where_they_are_true(
    verdicts: list[Verdict], where: TrueWhere, words: str
) -> None:
    results = [
        result("hidden", subject, verdict)
        for subject, verdict in zip(("cookie", "redis"), verdicts, strict=False)
    ]
    checked = check_statements([TriedBy(HIDDEN, results)])
    assert [each.true_where for each in checked] == [where]
    assert words in count_statements(checked)
