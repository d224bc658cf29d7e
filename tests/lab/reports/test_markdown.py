"""A report as Markdown, the statements of the document under test, and that of an audit."""

import re
from dataclasses import replace

import pytest

from app.lab.claim import FAILS
from app.lab.document.statements import UNMEASURED
from app.lab.reports.html import format_html
from app.lab.reports.markdown import escape, format_markdown, format_matrix, format_statements
from app.lab.reports.report import Remedies, Remedy, Report
from tests.lab.reports.made_reports import (
    AS_EXPECTED,
    BROKEN,
    ENCRYPTED,
    LOGOUT,
    SURPRISING,
    report,
    result,
)


def sections(text: str) -> dict[str, str]:
    """The text below each heading of the second level."""
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def statements(report: Report) -> str:
    return "\n".join(format_statements(report))


@pytest.mark.parametrize("report", [AS_EXPECTED, SURPRISING, BROKEN])
def test_every_row_of_a_table_has_as_many_cells_as_its_head(report: Report) -> None:
    for text in (format_markdown(report), statements(report)):
        for block in text.split("\n\n"):
            rows = [line for line in block.splitlines() if line.startswith("|")]
            assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) <= 1


class TestMarkdown:
    def test_the_matrix_has_a_sign_for_each_subject(self) -> None:
        lines = list(format_matrix(AS_EXPECTED))
        assert "| The document says | Signed cookie | Filesystem | Redis |" in lines
        assert "| Sessions are encrypted \\| with the key. | ✗ | – | – |" in lines
        assert "| A kept token is dead. | ✗ | ✓ | ✓ |" in lines

    def test_a_sentence_links_to_its_experiment(self) -> None:
        lines = list(format_matrix(AS_EXPECTED, "folder"))
        assert "| [A kept token is dead.](folder/logout_is_final.py) | ✗ | ✓ | ✓ |" in lines

    def test_surprises_and_skips_are_words_in_the_matrix(self) -> None:
        lines = list(format_matrix(SURPRISING))
        assert "| A kept token is dead. | ✗ | ✗ **surprise** | ○ skipped |" in lines

    def test_a_claim_has_its_figures_reasons_and_origins(self) -> None:
        section = sections(format_markdown(AS_EXPECTED))
        encrypted = section["Sessions are encrypted \\| with the key."]
        assert "`encrypted` · line 128: “automatically encrypted”; line 100: “Sess" in encrypted
        assert (
            "| Signed cookie | ✗ fails | user: alice | It was read without the key. |" in encrypted
        )
        assert "| Redis | – cannot apply |  | There is nothing in it. |" in encrypted
        logout = (
            "`logout_is_final` · OWASP ASVS 5.0, 7.4.1 · `app/lab/experiments/logout_is_final.py`"
        )
        assert logout in section["A kept token is dead."]

    def test_a_surprise_names_the_expected_verdict(self) -> None:
        assert "| **✗ fails: a surprise, expected holds** | alive |" in format_markdown(SURPRISING)

    def test_markup_in_a_text_is_escaped(self) -> None:
        assert escape("a|b\n*c* <d> `e` [f](g) _h_") == (r"a\|b \*c\* \<d\> \`e\` \[f\](g) \_h\_")


class TestStatements:
    def test_a_statement_that_is_true_nowhere_is_bold(self) -> None:
        text = statements(AS_EXPECTED)
        assert "| 128 | **False: “automatically encrypted”** | ✗ | – | – |" in text
        assert "| 100 | “server-side session management” | ✗ | ✓ | ✓ |" in text

    def test_a_statement_without_results_is_not_false(self) -> None:
        untried = statements(report(claims=[ENCRYPTED]))
        assert "| 128 | “automatically encrypted” | – | – | – |" in untried
        assert "**False" not in untried

    def test_what_no_claim_measures_has_a_sentence(self) -> None:
        rest = sections(statements(AS_EXPECTED))["What no experiment measures"]
        assert "| 238 | “Always use HTTPS for both” | In production" in rest
        assert rest.count("\n| ") == 2 + len(UNMEASURED)


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
    assert "1 claim about sessions, tried by experiment on shop by Session Lab" in text
    counted = re.sub(r"\s+", " ", text.partition("<dt>Tried</dt>")[2].partition("</dd>")[0])
    assert counted == "<dd>1 claim on 1 backend: holds 0 times, fails 1, cannot apply 0"
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
