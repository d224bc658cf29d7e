"""What the pages and the report show: the claims as rows, the subjects as columns, and links."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from jinja2 import Environment
from werkzeug.http import HTTP_STATUS_CODES

from app.lab.claim import Claim, Verdict
from app.lab.reports.answers import QUESTIONS, Question
from app.lab.reports.report import Report, Result
from backends import BACKENDS


class Links(Protocol):
    """Where a claim and its evidence are."""

    def claim(self, claim: str) -> str: ...

    def evidence(self, claim: str, subject: str) -> str: ...


class Subject(NamedTuple):
    """A column."""

    name: str
    title: str
    state: str
    """`browser` or `server`; empty for an application of which only the address is known."""


class Group(NamedTuple):
    """Claims that stand together, and why."""

    id: str
    title: str
    meaning: str
    claims: list[Claim]


class Answer(NamedTuple):
    """What a question comes to on some subjects."""

    verdict: Verdict
    subjects: list[Subject]
    sentence: str
    is_rest: bool
    """Whether it is true of all the others, so that their names would say less."""


@dataclass(frozen=True)
class Sheet:
    """Claims by subjects, with what became of each pair."""

    claims: Sequence[Claim]
    subjects: Sequence[Subject]
    results: Mapping[tuple[str, str], Result]
    links: Links
    fresh: frozenset[tuple[str, str]] | None = None
    """What a run under way has found out so far; the other results wait for it."""

    def waits(self, claim: Claim, subject: Subject) -> bool:
        """Whether a run under way has yet to try it."""
        return self.fresh is not None and (claim.id, subject.name) not in self.fresh

    def result(self, claim: Claim, subject: Subject) -> Result | None:
        return self.results.get((claim.id, subject.name))

    def of(self, claim: Claim) -> list[Result]:
        """What became of the claim, in the order of the columns."""
        found = (self.result(claim, subject) for subject in self.subjects)
        return [result for result in found if result is not None]

    @cached_property
    def groups(self) -> list[Group]:
        of_document = [claim for claim in self.claims if claim.is_of_document]
        of_field = [claim for claim in self.claims if not claim.is_of_document]
        groups = [
            Group(
                "document",
                "The document’s own statements",
                "What “Flask: cookies and sessions”, a text for beginners, says of sessions.",
                of_document,
            ),
            Group(
                "field",
                "What the field asks",
                "What people ask who run sessions: security standards, and reports of bugs.",
                of_field,
            ),
        ]
        return [group for group in groups if group.claims]

    @cached_property
    def counts(self) -> Counter[Verdict]:
        return Counter(result.verdict for result in self._shown)

    @cached_property
    def surprises(self) -> list[Result]:
        return [result for result in self._shown if result.is_surprise]

    @property
    def questions(self) -> list[tuple[Question, list[Answer]]]:
        """The first questions, each with its answers, where they were found out."""
        answered = [(question, self._answers(question)) for question in QUESTIONS]
        return [(question, answers) for question, answers in answered if answers]

    def known(self, ids: Sequence[str]) -> list[Claim]:
        """Those of the claims that are on this sheet."""
        return [claim for claim in self.claims if claim.id in ids]

    @property
    def _shown(self) -> list[Result]:
        return [result for claim in self.claims for result in self.of(claim)]

    def _answers(self, question: Question) -> list[Answer]:
        grouped: dict[Verdict, list[Subject]] = {}
        for subject in self.subjects:
            result = self.results.get((question.claim, subject.name))
            if result is not None and result.verdict in question.answers:
                grouped.setdefault(result.verdict, []).append(subject)
        answered = sum(map(len, grouped.values())) == len(self.subjects)
        *_, last = grouped or [None]
        return [
            Answer(
                verdict,
                subjects,
                question.answers[verdict],
                is_rest=answered and verdict is last and 2 < len(subjects) < len(self.subjects),
            )
            for verdict, subjects in grouped.items()
        ]


def sheet(report: Report | None, claims: Sequence[Claim], links: Links) -> Sheet:
    """A report as a sheet; without one, the claims and nothing found out."""
    names = report.subjects if report else list(BACKENDS)
    found = report.results if report else []
    results = {(result.claim, result.subject): result for result in found}
    return Sheet(claims, [subject(name) for name in names], results, links)


def subject(name: str) -> Subject:
    """The column of a backend, or of an application that is none of ours."""
    backend = BACKENDS.get(name)
    return Subject(name, backend.title, backend.state) if backend else Subject(name, name, "")


def add_filters(environment: Environment) -> None:
    """What the templates of the pages and of the report say in words."""
    environment.filters["sign"] = lambda verdict: verdict.sign
    environment.filters["status"] = _status
    environment.filters["path"] = lambda url: urlsplit(url)._replace(scheme="", netloc="").geturl()
    environment.filters["moment"] = lambda date: (
        f"{datetime.fromisoformat(date):%-d %B %Y, %H:%M} UTC"
    )


def _status(code: int) -> str:
    """`302 Found`; a number that has no name stays alone.

    The names are Werkzeug's, because Python 3.13 names 413 and 422 differently from 3.11.
    """
    return f"{code} {HTTP_STATUS_CODES.get(code, '')}".rstrip()
