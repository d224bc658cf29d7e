"""Where a statement is true, from the results of all claims that try it."""

import pytest

from app.lab.claim import CANNOT_APPLY, FAILS, HOLDS, Statement, Verdict
from app.lab.document.checked import TriedBy, TrueWhere, check_statements, count_statements
from tests.lab.reports.made_reports import ENCRYPTED, HIDDEN, SERVER_SIDE, result

SAID = HIDDEN.statements[0]


def test_statements_are_in_the_order_of_their_lines() -> None:
    checked = check_statements([TriedBy(ENCRYPTED, []), TriedBy(SERVER_SIDE, [])])
    assert [each.statement for each in checked] == [
        Statement(100, "Sessions are encrypted"),
        Statement(100, "server-side session management"),
        Statement(128, "automatically encrypted"),
    ]


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
