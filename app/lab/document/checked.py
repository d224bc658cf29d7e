"""The statements that claims try, where each is true, and their count."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from app.lab.claim import CANNOT_APPLY, FAILS, HOLDS, Claim, Statement, Verdict
from app.lab.reports.report import ClaimText, Result


class TrueWhere(StrEnum):
    """On how many backends a statement is true."""

    EVERYWHERE = "true wherever it says anything"
    SOMEWHERE = "true on some backends"
    NOWHERE = "true nowhere"
    UNTRIED = "not tried"


class TriedBy(NamedTuple):
    """A claim that tries a statement, with its results."""

    claim: Claim | ClaimText
    results: Sequence[Result]


class CheckedStatement(NamedTuple):
    """A statement of the document, and the claims that try it."""

    statement: Statement
    proofs: Sequence[TriedBy]
    verdicts: Mapping[str, Verdict]
    """Whether it is true, by the subject; only of those on which a claim proves or refutes it."""

    @property
    def line(self) -> int:
        return self.statement.line

    @property
    def quote(self) -> str:
        return self.statement.quote

    @property
    def true_where(self) -> TrueWhere:
        """On how many of the subjects it is true."""
        is_true, is_false = (each in self.verdicts.values() for each in (HOLDS, FAILS))
        if is_false:
            return TrueWhere.SOMEWHERE if is_true else TrueWhere.NOWHERE
        return TrueWhere.EVERYWHERE if is_true else TrueWhere.UNTRIED

    def verdict(self, subject: str) -> Verdict:
        """Whether it is true on the subject."""
        return self.verdicts.get(subject, CANNOT_APPLY)


def check_statements(proofs: Iterable[TriedBy]) -> list[CheckedStatement]:
    """The statements of these claims, in the document's order."""
    found: defaultdict[Statement, list[TriedBy]] = defaultdict(list)
    for proof in proofs:
        for statement in proof.claim.statements:
            found[statement].append(proof)
    in_order = sorted(found, key=lambda statement: (statement.line, statement.place))
    return [_check(statement, found[statement]) for statement in in_order]


def _check(statement: Statement, proofs: Sequence[TriedBy]) -> CheckedStatement:
    results = [result for proof in proofs for result in proof.results]
    # Where one claim proves it and another refutes it, it is false: the later verdict counts.
    verdicts = {
        result.subject: wanted
        for wanted in (HOLDS, FAILS)
        for result in results
        if result.verdict is wanted
    }
    return CheckedStatement(statement, proofs, verdicts)


def count_statements(checked: Iterable[CheckedStatement]) -> str:
    """A sentence: how many are true everywhere, in places, nowhere."""
    counts = Counter(each.true_where for each in checked)
    untried = counts.pop(TrueWhere.UNTRIED, 0)
    if not counts:
        return "No statement was tried yet."
    sentence = (
        f"{counts.total()} statements were tried: {counts[TrueWhere.EVERYWHERE]} are true on every "
        f"backend of which they say anything, {counts[TrueWhere.SOMEWHERE]} on some backends only, "
        f"and {counts[TrueWhere.NOWHERE]} nowhere."
    )
    return f"{sentence} {untried} could not be tried." if untried else sentence
