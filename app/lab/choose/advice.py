"""Which backend the answers lead to. It follows from the verdicts of the claims."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from app.lab.choose.questions import Answers, ChoiceQuestion
from app.lab.claim import Claim, Verdict
from app.lab.experiments import CLAIMS
from app.lab.reports.report import Report
from backends import BUILT_IN, Backend

ALSO_RISKS = ("data_hidden_from_client",)
"""Claims of the document that are a risk where they fail."""


class Reason(NamedTuple):
    """Why a backend is out."""

    backend: Backend
    claims: list[Claim]
    """Those that fail there and have to hold."""
    needs: str | None
    """The service that it needs and that there is not."""


@dataclass(frozen=True)
class Advice:
    """Where answers lead."""

    backend: Backend | None
    """The recommended one; `None` if none has what was asked for."""
    out: list[Reason]
    """The others, and why."""
    others: list[Backend]
    """Those that have it too, and need the same service, or none."""
    risks: list[Claim]
    """What the recommended one does not keep."""


class Adviser:
    """Recommends one of the project's own backends, by the verdicts in a report."""

    def __init__(self, questions: Sequence[ChoiceQuestion], report: Report) -> None:
        self.questions = questions
        self._report = report
        ours = [each for each in BUILT_IN.values() if not each.stock]
        self.backends = sorted(ours, key=_count_what_to_run)

    def holds(self, claim: str, backend: Backend) -> bool:
        """Whether the claim was found true on the backend."""
        return self._report.verdict(claim, backend.name) is Verdict.HOLDS

    def read_answers(self, given: Mapping[str, str]) -> Answers:
        """The answers in a query, of the questions that are asked with them; others count not."""
        answers: Answers = {}
        while (question := self.next_question(answers)) is not None:
            option = question.find(given.get(question.id))
            if option is None:
                break
            answers[question.id] = option
        return answers

    def next_question(self, answers: Answers) -> ChoiceQuestion | None:
        """The first question that is open and whose answer can change where this leads."""
        open_ones = [each for each in self.questions if each.id not in answers]
        for question in open_ones:
            rest = [each for each in open_ones if each is not question]
            if any(
                len({self._choose({**others, question.id: option}) for option in question.options})
                > 1
                for others in _complete(answers, rest)
            ):
                return question
        return None

    def advise(self, answers: Answers) -> Advice:
        """The recommendation for these answers."""
        left = self.list_left(answers)
        out = [self._explain(each, answers) for each in self.backends if each not in left]
        if not left:
            return Advice(None, out, [], [])
        backend, *rest = left
        others = [
            each for each in rest if (each.state, each.needs) == (backend.state, backend.needs)
        ]
        risks = [claim for claim in CLAIMS.values() if self._is_risk(claim, backend)]
        return Advice(backend, out, others, risks)

    def walk(self, answers: Answers | None = None) -> Iterator[Answers]:
        """Every way through the questions."""
        answers = answers or {}
        question = self.next_question(answers)
        if question is None:
            yield answers
            return
        for option in question.options:
            yield from self.walk({**answers, question.id: option})

    def list_left(self, answers: Answers) -> list[Backend]:
        """The backends that have what the answers need, the one with the least to run first."""
        reasons = (self._explain(each, answers) for each in self.backends)
        return [each.backend for each in reasons if not each.claims and not each.needs]

    def _choose(self, answers: Answers) -> str | None:
        """The name of the recommended backend."""
        return next((backend.name for backend in self.list_left(answers)), None)

    def _explain(self, backend: Backend, answers: Answers) -> Reason:
        needed = (claim for option in answers.values() for claim in option.needs)
        failing = [CLAIMS[claim] for claim in needed if not self.holds(claim, backend)]
        is_out = any(option.without_service for option in answers.values())
        return Reason(backend, failing, backend.needs if is_out else None)

    def _is_risk(self, claim: Claim, backend: Backend) -> bool:
        fails = self._report.verdict(claim.id, backend.name) is Verdict.FAILS
        return fails and (claim.stakes is not None or claim.id in ALSO_RISKS)


def _count_what_to_run(backend: Backend) -> int:
    """A cookie needs nothing to be run, a store a file or many, and others a service."""
    on_server = backend.state == "server"
    return on_server + backend.file_per_session + 2 * (backend.needs is not None)


def _complete(answers: Answers, questions: Sequence[ChoiceQuestion]) -> Iterator[Answers]:
    """The answers with every combination of answers to the other questions."""
    ids = [question.id for question in questions]
    for options in product(*(question.options for question in questions)):
        yield {**answers, **dict(zip(ids, options, strict=True))}
