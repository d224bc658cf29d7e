"""A report as Markdown, and the document under test, checked."""

import re

import pytest

from app.lab.claim import FAILS, HOLDS, Statement
from app.lab.experiments import CLAIMS
from app.lab.reports.checked_document import NOT_TRIED, checked_document
from app.lab.reports.markdown import escaped, markdown, matrix
from app.lab.reports.report import Report
from tests.lab.reports.made_reports import (
    AS_EXPECTED,
    BROKEN,
    ENCRYPTED,
    HIDDEN,
    SURPRISING,
    report,
    result,
    said,
)


def sections(text: str) -> dict[str, str]:
    """What stands below each heading of the second level."""
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("report", [AS_EXPECTED, SURPRISING, BROKEN])
def test_every_row_of_a_table_has_as_many_cells_as_its_head(report: Report) -> None:
    for text in (markdown(report), checked_document(report)):
        for block in text.split("\n\n"):
            rows = [line for line in block.splitlines() if line.startswith("|")]
            assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) <= 1


class TestMarkdown:
    def test_the_matrix_has_a_sign_for_each_subject(self) -> None:
        lines = list(matrix(AS_EXPECTED))
        assert "| The document says | Signed cookie | Filesystem | Redis |" in lines
        assert "| Sessions are encrypted \\| with the key. | ✗ | – | – |" in lines
        assert "| A kept token is dead. | ✗ | ✓ | ✓ |" in lines

    def test_a_sentence_leads_to_its_experiment_where_the_folder_is_known(self) -> None:
        lines = list(matrix(AS_EXPECTED, "folder"))
        assert "| [A kept token is dead.](folder/logout_is_final.py) | ✗ | ✓ | ✓ |" in lines

    def test_surprises_and_skips_are_words_in_the_matrix(self) -> None:
        lines = list(matrix(SURPRISING))
        assert "| A kept token is dead. | ✗ | ✗ **surprise** | ○ skipped |" in lines

    def test_each_claim_is_told_with_figures_reasons_and_where_it_is_from(self) -> None:
        told = sections(markdown(AS_EXPECTED))
        encrypted = told["Sessions are encrypted \\| with the key."]
        assert "`encrypted` · line 128: “automatically encrypted”; line 100: “Sess" in encrypted
        assert "| Signed cookie | ✗ fails | user: ada | It was read without the key. |" in encrypted
        assert "| Redis | – cannot apply |  | There is nothing in it. |" in encrypted
        logout = (
            "`logout_is_final` · OWASP ASVS 5.0, 7.4.1 · `app/lab/experiments/logout_is_final.py`"
        )
        assert logout in told["A kept token is dead."]

    def test_a_surprise_is_told_with_what_was_expected(self) -> None:
        assert "| **✗ fails: a surprise, expected holds** | alive |" in markdown(SURPRISING)

    def test_nothing_of_a_text_is_markup(self) -> None:
        assert escaped("a|b\n*c* <d> `e` [f](g) _h_") == (r"a\|b \*c\* \<d\> \`e\` \[f\](g) \_h\_")


class TestCheckedDocument:
    def test_statements_stand_in_the_order_of_their_lines(self) -> None:
        assert list(sections(checked_document(AS_EXPECTED))) == [
            "Line 100: “server-side session management”",
            "Line 100: “Sessions are encrypted”",
            "Line 128: “automatically encrypted”",
            "Not tried",
        ]

    def test_each_says_where_it_is_true_with_the_figure(self) -> None:
        told = sections(checked_document(AS_EXPECTED))["Line 100: “server-side session management”"]
        assert "✗ **False** on `cookie`; true on `filesystem` and `redis`." in told
        assert "- ✗ fails: `cookie`. **0 bytes**. It was measured." in told
        assert "- ✓ holds: `filesystem` and `redis`. **120 bytes**. It was measured." in told

    def test_what_is_true_nowhere_stands_out(self) -> None:
        text = checked_document(AS_EXPECTED)
        assert "| 128 | **False: “automatically encrypted”** | ✗ | – | – |" in text
        assert "| 100 | “server-side session management” | ✗ | ✓ | ✓ |" in text
        told = sections(text)["Line 128: “automatically encrypted”"]
        assert "✗ **False** on `cookie`, and true nowhere." in told
        assert "- ✗ fails: `cookie`. **user: ada**." in told

    def test_a_statement_of_several_claims_is_true_where_none_refutes_it(self) -> None:
        both = report(
            result("encrypted", "cookie", FAILS),
            result("encrypted", "redis", HOLDS),
            result("hidden", "cookie", HOLDS),
            result("hidden", "redis", HOLDS),
            saying=[ENCRYPTED, HIDDEN],
        )
        told = sections(checked_document(both))["Line 128: “automatically encrypted”"]
        assert "✗ **False** on `cookie`; true on `redis`." in told
        assert "experiments/encrypted.py" in told
        assert "experiments/hidden.py" in told

    def test_it_counts_them(self) -> None:
        assert "On some backends only: 1. **Nowhere: 2.**" in checked_document(AS_EXPECTED)

    def test_a_reason_that_was_given_before_is_not_given_again(self) -> None:
        text = checked_document(AS_EXPECTED)
        assert text.count("**user: ada**") == 2
        assert text.count("It was read without the key.") == 1

    def test_what_no_claim_tries_is_named_with_the_reason(self) -> None:
        told = sections(checked_document(AS_EXPECTED))["Not tried"]
        assert "| 238 | “Always use HTTPS for both” | Advice." in told
        tried = {place.line for claim in CLAIMS.values() for place in claim.statements}
        assert tried.isdisjoint(line for line, _, _ in NOT_TRIED)

    def test_what_is_true_everywhere_says_so(self) -> None:
        true = report(
            result("lasting", "cookie", HOLDS),
            result("lasting", "redis", HOLDS),
            saying=[said("lasting", "It lasts.", Statement(128, "Sessions persist"))],
        )
        assert "✓ **True** on `cookie` and `redis`." in checked_document(true)

    def test_what_nobody_tried_is_neither(self) -> None:
        untried = report(saying=[ENCRYPTED])
        assert "– Not tried." in checked_document(untried)
        assert "**False" not in checked_document(untried).partition("| line |")[2]
