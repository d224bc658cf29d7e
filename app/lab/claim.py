"""A claim about sessions, its experiment, and the verdict that is expected."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from app.lab.abilities import Ability, Condition
from backends import Backend


class Verdict(StrEnum):
    """Whether a claim is true of a subject. The last two mean that nothing was found out."""

    HOLDS = "holds"
    FAILS = "fails"
    CANNOT_APPLY = "cannot apply"
    SKIPPED = "skipped"
    ERROR = "error"

    @property
    def sign(self) -> str:
        """Printed before the word, never instead of it: not everybody sees colours or signs."""
        return _SIGNS[self]

    @property
    def signed(self) -> str:
        return f"{self.sign} {self}"


_SIGNS = {
    Verdict.HOLDS: "✓",
    Verdict.FAILS: "✗",
    Verdict.CANNOT_APPLY: "–",
    Verdict.SKIPPED: "○",
    Verdict.ERROR: "!",
}

HOLDS, FAILS, CANNOT_APPLY = Verdict.HOLDS, Verdict.FAILS, Verdict.CANNOT_APPLY


class Topic(StrEnum):
    """What a claim is about, in the order of the matrix."""

    DOCUMENT = "document"
    THEFT = "theft"
    LOGOUT = "logout"
    LOAD = "load"
    OUTAGE = "outage"
    OPERATIONS = "operations"

    @property
    def heading(self) -> str:
        return "The document says" if self is Topic.DOCUMENT else self.capitalize()

    @property
    def question(self) -> str:
        """What its claims answer."""
        return _QUESTIONS[self]


_QUESTIONS = {
    Topic.DOCUMENT: "What does “Flask: cookies and sessions”, a text for beginners, say of them? "
    "Here ✓ means that it is true; in the other groups ✓ is what you want.",
    Topic.THEFT: "Can somebody else get in: with a copied cookie, a leaked key, a copy of the "
    "store?",
    Topic.LOGOUT: "When a session ends, is it over?",
    Topic.LOAD: "What happens when many requests, or many visitors, come at once?",
    Topic.OUTAGE: "What happens when the store stops, hangs, is full or is damaged?",
    Topic.OPERATIONS: "What happens when the key, the servers or the data change?",
}


class Stakes(StrEnum):
    """What happens where a claim fails, the worst first."""

    ACCOUNT = "somebody else gets into an account"
    DATA = "data is lost, or comes back"
    SERVICE = "pages fail, or people are logged out"
    COST = "it costs more than it has to"


class Finding(NamedTuple):
    """The outcome of an experiment: whether the sentence is true, and the measurement."""

    holds: bool
    figure: str
    """The measurement with its unit, short enough for a cell: `148 bytes`, `2 of 8 keys kept`."""
    because: str
    """One sentence that explains to a beginner what happened."""


class CannotApply(Exception):
    """Raised when the sentence says nothing about this subject; the message says why."""


class Skipped(Exception):
    """Raised when the experiment needs something that is missing; the message says what."""


@dataclass(frozen=True)
class Statement:
    """A sentence of the document under test, “Flask: cookies and sessions”."""

    line: int
    """Its line, from 1."""
    quote: str
    """A few of its words."""
    place: int = 1
    """Which one of its line it is, from 1."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence about sessions, and the experiment that tries it; each has its own file."""

    sentence: str
    """The claim, in words that are true or false of a subject."""
    believed: str
    """Why people believe it, or ask it: two sentences."""
    meaning: str
    """What the verdict means for an application, in words for a beginner."""
    try_it: tuple[str, ...]
    """Steps to try it by hand, with the application and devtools; what is typed in backticks."""
    experiment: Callable[[Any], Finding]
    """Tries it on a `Subject`, or on any `Site` if `over_http` is set.

    May raise `CannotApply` or `Skipped`.
    """
    expected: Verdict = HOLDS
    """Of the subjects that it applies to, and of which `unless` says nothing else."""
    unless: Mapping[Ability, Verdict] = field(default_factory=dict)
    """The expected verdict of those that are otherwise; the first that is true of one counts."""
    lost_with_process: bool = False
    """Whether it fails if the subject's Redis is embedded in the application, and ends with it."""
    statements: tuple[Statement, ...] = ()
    """The sentences of the document that say it."""
    topic: Topic = Topic.DOCUMENT
    stakes: Stakes | None = None
    """`None` for the document's own claims, which are true or false."""
    sources: tuple[str, ...] = ()
    """Who else asks it: requirement ids, issues. None for the document's own claims."""
    applies: Condition | None = None
    over_http: bool = False
    """Whether the experiment needs only HTTP, so that it can try any application."""
    price: str | None = None
    """The picture that shows what it costs: an `id` of app/lab/cost/pictures.py."""
    in_chromium: bool = False
    """Whether the browser matters, so that it is worth trying with a real one."""

    @property
    def id(self) -> str:
        """The name of the experiment's file."""
        return self.experiment.__module__.rpartition(".")[2]

    @property
    def file(self) -> str:
        """The experiment's file, from the project's folder on."""
        return f"{self.experiment.__module__.replace('.', '/')}.py"

    def expected_of(self, backend: Backend, *, embedded: bool) -> Verdict:
        """The verdict that follows from what the backend can do."""
        if self.applies is not None and not self.applies.is_met(backend):
            return CANNOT_APPLY
        if embedded and self.lost_with_process:
            return FAILS
        verdicts = (verdict for is_so, verdict in self.unless.items() if is_so(backend))
        return next(verdicts, self.expected)
