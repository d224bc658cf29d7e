"""The report of another application, as HTML and as Markdown."""

from dataclasses import replace

from app.lab.claim import FAILS
from app.lab.reports.html import format_html
from app.lab.reports.markdown import format_markdown
from app.lab.reports.report import Remedies, Remedy
from tests.lab.reports.made_reports import AS_EXPECTED, LOGOUT, result

AUDIT = replace(
    AS_EXPECTED,
    subjects=["shop"],
    claims=[LOGOUT],
    results=[result("logout_is_final", "shop", FAILS)],
    remedies=Remedies(
        1, [], [Remedy("SESSION_BACKEND=redis", ["logout_is_final"], [])], [Remedy("A", [], ["x"])]
    ),
)


def test_the_page_is_of_that_application_and_says_what_to_change() -> None:
    text = format_html(AUDIT)
    assert "each tried as an experiment on shop by Session Lab" in text
    assert 'id="cost"' not in text
    told = text.partition("<h2>Which backend of Session Lab would turn which verdict</h2>")[2]
    assert "SESSION_BACKEND=redis" in told
    assert 'turns 1 of 1: <a href="#logout_is_final">A token kept from before' in told
    assert 'id="logout_is_final"' in text


def test_markdown_says_what_to_change() -> None:
    text = format_markdown(AUDIT)
    start = text.index("## Which backend of Session Lab would turn which verdict")
    assert "- **SESSION\\_BACKEND=redis** turns 1 of 1: logout\\_is\\_final" in text[start:]
    assert "## What to change, setting by setting" not in text


def test_a_report_of_several_backends_counts_them_and_has_the_costs() -> None:
    text = format_html(AS_EXPECTED)
    assert "on 3 backends by Session Lab" in text
    assert 'id="cost"' in text
    assert "would turn which verdict" not in text
