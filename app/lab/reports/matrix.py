"""The matrix of a report: claims as rows, subjects as columns, and the questions it answers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple
from urllib.parse import urlsplit

from jinja2 import Environment
from markupsafe import Markup, escape
from werkzeug.http import HTTP_STATUS_CODES

from app.lab.claim import Claim, Topic, Verdict
from app.lab.measuring import DataText, read_data, some
from app.lab.reports.report import Report, Result, group_by_topic
from backends import BACKENDS


class Question(DataText):
    """A beginner's question, and the claim whose verdict answers it."""

    text: str
    claim: str
    answers: dict[Verdict, str]
    """The answer for each verdict."""
    more: list[str]
    """The ids of claims that say more about it."""


class _Questions(DataText):
    questions: list[Question]


QUESTIONS = read_data("questions.toml", _Questions).questions


class Links(NamedTuple):
    """The addresses of claims and of their evidence."""

    root: str
    separator: str
    cost_page: str | None = None
    """Where it stands what a session costs; empty for the same page, `None` for nowhere."""

    document_page: str | None = None
    """Where the document is, statement by statement; `None` for nowhere."""

    def claim(self, claim: str) -> str:
        """Where the claim is explained."""
        return f"{self.root}{claim}"

    def evidence(self, claim: str, subject: str) -> str:
        """Where the claim's evidence from this subject is."""
        return f"{self.claim(claim)}{self.separator}{subject}"

    def cost(self, claim: Claim) -> str | None:
        """Where it stands what that costs; `None` if it has no price."""
        if self.cost_page is None or claim.price is None:
            return None
        return f"{self.cost_page}#cost-{claim.price}"

    def line(self, line: int) -> str | None:
        """Where this line of the document is; `None` if it is nowhere."""
        return None if self.document_page is None else f"{self.document_page}#line-{line}"


class Column(NamedTuple):
    """A subject of the matrix."""

    name: str
    title: str
    state: str
    """`browser` or `server`; empty for an external application."""


class SharedAnswer(NamedTuple):
    """The answer to a question, and the subjects that share it."""

    columns: list[Column]
    sentence: str
    is_rest: bool
    """Whether these are all the others, so that their names say less than that."""


@dataclass(frozen=True)
class Matrix:
    """Claims by subjects, with the result of each pair."""

    claims: Sequence[Claim]
    columns: Sequence[Column]
    results: Mapping[tuple[str, str], Result]
    links: Links
    fresh: frozenset[tuple[str, str]] | None = None
    """The pairs that a run in progress has tried; `None` if no run is in progress."""

    def is_waiting(self, claim: Claim, column: Column) -> bool:
        """Whether a run in progress has yet to try it."""
        return self.fresh is not None and (claim.id, column.name) not in self.fresh

    def result(self, claim: Claim, column: Column) -> Result | None:
        """The claim's result in this column; `None` if it was not tried."""
        return self.results.get((claim.id, column.name))

    def row(self, claim: Claim) -> list[Result]:
        """The claim's results, in the order of the columns."""
        return [found for column in self.columns if (found := self.result(claim, column))]

    @property
    def groups(self) -> dict[Topic, list[Claim]]:
        return group_by_topic(self.claims)

    @cached_property
    def counts(self) -> Counter[Verdict]:
        """How many results have each verdict."""
        return Counter(result.verdict for claim in self.claims for result in self.row(claim))

    @cached_property
    def surprises(self) -> list[Result]:
        """The results that are not what was expected."""
        rows = map(self.row, self.claims)
        return [result for row in rows for result in row if result.is_surprise]

    @property
    def questions(self) -> list[tuple[Question, list[SharedAnswer]]]:
        """The questions that the results answer, each with its answers."""
        answered = [(question, self._answers(question)) for question in QUESTIONS]
        return [(question, answers) for question, answers in answered if answers]

    def _answers(self, question: Question) -> list[SharedAnswer]:
        grouped: dict[Verdict, list[Column]] = {}
        for column in self.columns:
            result = self.results.get((question.claim, column.name))
            if result is not None and result.verdict in question.answers:
                grouped.setdefault(result.verdict, []).append(column)
        is_complete = sum(map(len, grouped.values())) == len(self.columns)
        *_, last = grouped or [None]
        return [
            SharedAnswer(
                columns,
                question.answers[verdict],
                is_rest=is_complete and verdict is last and 2 < len(columns) < len(self.columns),
            )
            for verdict, columns in grouped.items()
        ]


def make_matrix(report: Report | None, claims: Sequence[Claim], links: Links) -> Matrix:
    """The matrix of a report; without one, no claim is tried yet."""
    names = report.subjects if report else list(BACKENDS)
    columns = [make_column(name) for name in names]
    return Matrix(claims, columns, report.by_pair if report else {}, links)


def make_column(name: str) -> Column:
    """The column of a backend or of an external application."""
    backend = BACKENDS.get(name)
    return Column(name, backend.title, backend.state) if backend else Column(name, name, "")


def add_filters(environment: Environment) -> None:
    environment.filters["status"] = _format_status
    environment.filters["path"] = lambda url: urlsplit(url)._replace(scheme="", netloc="").geturl()
    environment.filters["some"] = some
    environment.filters["with_code"] = mark_code
    environment.filters["run_date"] = lambda date: (
        f"{datetime.fromisoformat(date):%-d %B %Y, %H:%M} UTC"
    )


def mark_code(text: str) -> Markup:
    """The text with what stands in backticks as code, which one click selects."""
    pieces = (
        Markup('<code class="typed">{}</code>').format(piece) if number % 2 else escape(piece)
        for number, piece in enumerate(text.split("`"))
    )
    return Markup().join(pieces)


def _format_status(code: int) -> str:
    """`302 Found`; the number alone if it has no name.

    The names are Werkzeug's, because Python 3.13 names 413 and 422 differently from 3.11.
    """
    return f"{code} {HTTP_STATUS_CODES.get(code, '')}".rstrip()
