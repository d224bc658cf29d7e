"""A report as Markdown, and the statements of the document under test."""

import re
from pathlib import Path

import pytest

from app.lab.claim import FAILS, HOLDS, Statement
from app.lab.experiments import CLAIMS
from app.lab.reports.markdown import (
    escape,
    format_markdown,
    format_matrix,
    format_statements,
)
from app.lab.reports.report import Report
from tests.lab.reports.made_reports import (
    AS_EXPECTED,
    BROKEN,
    ENCRYPTED,
    HIDDEN,
    SURPRISING,
    claim_text,
    report,
    result,
)

DOCUMENT = Path(__file__).parents[3] / "docs/document-checked.md"


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
    def test_statements_are_in_the_order_of_their_lines(self) -> None:
        assert list(sections(statements(AS_EXPECTED))) == [
            "Line 100: “server-side session management”",
            "Line 100: “Sessions are encrypted”",
            "Line 128: “automatically encrypted”",
        ]

    def test_each_statement_names_its_subjects_and_figures(self) -> None:
        section = sections(statements(AS_EXPECTED))["Line 100: “server-side session management”"]
        assert "✗ **False** on `cookie`; true on `filesystem` and `redis`." in section
        assert "- ✗ fails: `cookie`. **0 bytes**. It was measured." in section
        assert "- ✓ holds: `filesystem` and `redis`. **120 bytes**. It was measured." in section

    def test_a_statement_that_is_true_nowhere_is_bold(self) -> None:
        text = statements(AS_EXPECTED)
        assert "| 128 | **False: “automatically encrypted”** | ✗ | – | – |" in text
        assert "| 100 | “server-side session management” | ✗ | ✓ | ✓ |" in text
        section = sections(text)["Line 128: “automatically encrypted”"]
        assert "✗ **False** on `cookie`, and true nowhere." in section
        assert "- ✗ fails: `cookie`. **user: alice**." in section

    def test_a_statement_is_true_where_no_claim_refutes_it(self) -> None:
        both = report(
            result("encrypted", "cookie", FAILS),
            result("encrypted", "redis", HOLDS),
            result("hidden", "cookie", HOLDS),
            result("hidden", "redis", HOLDS),
            claims=[ENCRYPTED, HIDDEN],
        )
        section = sections(statements(both))["Line 128: “automatically encrypted”"]
        assert "✗ **False** on `cookie`; true on `redis`." in section
        assert "experiments/encrypted.py" in section
        assert "experiments/hidden.py" in section

    def test_statements_are_counted(self) -> None:
        assert "On some backends only: 1. **Nowhere: 2.**" in statements(AS_EXPECTED)

    def test_a_reason_is_given_once(self) -> None:
        text = statements(AS_EXPECTED)
        assert text.count("**user: alice**") == 2
        assert text.count("It was read without the key.") == 1

    def test_no_claim_tries_a_line_of_the_table_not_tried(self) -> None:
        table = sections(DOCUMENT.read_text())["Not tried"]
        not_tried = set(map(int, re.findall(r"^\| (\d+) \|", table, re.MULTILINE)))
        assert 238 in not_tried
        tried = {place.line for claim in CLAIMS.values() for place in claim.statements}
        assert tried.isdisjoint(not_tried)

    def test_a_statement_can_be_true_everywhere(self) -> None:
        true = report(
            result("lasting", "cookie", HOLDS),
            result("lasting", "redis", HOLDS),
            claims=[claim_text("lasting", "It lasts.", Statement(128, "Sessions persist"))],
        )
        assert "✓ **True** on `cookie` and `redis`." in statements(true)

    def test_a_statement_without_results_is_neither(self) -> None:
        untried = report(claims=[ENCRYPTED])
        assert "– Not tried." in statements(untried)
        assert "**False" not in statements(untried).partition("| line |")[2]
