"""What a run of the laboratory found out, and that as JSON and back."""

import inspect
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from enum import IntEnum
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import msgspec

from app.lab.claim import Claim, Statement, Verdict
from app.lab.subject.evidence import Evidence

PACKAGES = ("flask", "werkzeug", "itsdangerous", "flask-session", "cachelib", "redis", "fakeredis")
"""Whose versions decide what is found out."""

FORMAT: Literal[1] = 1
"""Of the JSON that is written and read here."""


@dataclass(frozen=True)
class Result:
    """What became of one claim on one subject."""

    claim: str
    """The claim's id."""
    subject: str
    """The subject's name."""
    verdict: Verdict
    """What the claim comes to there."""
    expected: Verdict | None
    """`None` where nobody expects anything, as of somebody else's backend."""
    figure: str
    """What was measured, with its unit, short enough for a cell; empty where nothing was."""
    because: str
    """One sentence that says what happened, or why nothing was found out."""
    seconds: float
    """How long the experiment took."""
    evidence: Evidence = field(default_factory=Evidence)
    """What can be shown of the experiment. A token is never shown whole."""

    @property
    def is_surprise(self) -> bool:
        """Whether something was found out, and it is not what was expected."""
        found_out = self.verdict not in (Verdict.SKIPPED, Verdict.ERROR)
        return found_out and self.expected is not None and self.verdict != self.expected


@dataclass(frozen=True)
class Said:
    """What a claim says and where it is from, for who has nothing but the report."""

    id: str
    """The name of its experiment's file."""
    sentence: str
    """What is said, in words that are true or false of a subject."""
    believed: str
    """Why people believe it, or ask it."""
    meaning: str
    """What the verdict means for an application."""
    statements: list[Statement]
    """Where the document says it."""
    sources: list[str]
    """Who in the field asks it; none for the document's own claims."""
    experiment: str
    """A digest of the experiment's file: figures of another one are out of date."""

    @property
    def is_of_document(self) -> bool:
        """Whether it is the document's own."""
        return not self.sources


@dataclass(frozen=True)
class About:
    """Under what circumstances a run was made."""

    date: str
    """When it began: UTC, ISO 8601."""
    seconds: float
    """How long it took."""
    redis: str
    """What the subjects that need Redis ran on, in words."""
    browser: str
    """What claims about a browser were tried with, in words."""
    machine: str
    """Operating system and processor."""
    versions: dict[str, str]
    """Of Python, and of the packages that decide what is found out, by their names."""


class ExitStatus(IntEnum):
    AS_EXPECTED = 0
    SURPRISE = 1
    ERROR = 2


@dataclass(frozen=True)
class Report:
    """One run: the subjects in the order of their columns, and what became of each claim."""

    format: Literal[1] = field(default=FORMAT, kw_only=True)
    """Counts up where a reader of an earlier format would misread this one."""
    about: About
    """Under what circumstances the run was made."""
    subjects: list[str]
    """The backends under experiment, in the order of their columns."""
    results: list[Result]
    """What became of each claim on each subject: by claim, then by subject."""
    said: list[Said] = field(default_factory=list)
    """What each claim says, in their order."""

    @property
    def claims(self) -> list[str]:
        """The ids of the claims that were tried, in their order."""
        return list(dict.fromkeys(result.claim for result in self.results))

    def result(self, claim: str, subject: str) -> Result | None:
        """What became of the claim there; `None` where it was not tried."""
        return self._by_pair.get((claim, subject))

    def sentence(self, claim: str) -> str:
        """What the claim says; its id where the report does not tell."""
        return self._said_by_id[claim].sentence if claim in self._said_by_id else claim

    @property
    def surprises(self) -> list[Result]:
        return [result for result in self.results if result.is_surprise]

    @property
    def as_expected(self) -> list[Result]:
        """Those of which the verdict was expected that was found."""
        return [result for result in self.results if result.verdict == result.expected]

    def with_verdict(self, verdict: Verdict) -> list[Result]:
        return [result for result in self.results if result.verdict is verdict]

    @property
    def exit_status(self) -> ExitStatus:
        """An error weighs more than a surprise."""
        if self.with_verdict(Verdict.ERROR):
            return ExitStatus.ERROR
        if self.surprises:
            return ExitStatus.SURPRISE
        return ExitStatus.AS_EXPECTED

    @cached_property
    def _said_by_id(self) -> dict[str, Said]:
        return {said.id: said for said in self.said}

    @cached_property
    def _by_pair(self) -> dict[tuple[str, str], Result]:
        return {(result.claim, result.subject): result for result in self.results}


def about(moment: datetime, seconds: float, redis: str, browser: str) -> About:
    """The circumstances of a run on this machine that began at `moment`."""
    versions = {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    machine = f"{platform.system()} {platform.machine()}"
    date = moment.astimezone(UTC).isoformat(timespec="seconds")
    return About(date, round(seconds, 1), redis, browser, machine, versions)


def in_order(
    results: Sequence[Result], claims: Sequence[str], subjects: Sequence[str]
) -> list[Result]:
    """The results by claim, then by subject, whenever they came."""
    return sorted(
        results, key=lambda result: (claims.index(result.claim), subjects.index(result.subject))
    )


def said(claim: Claim) -> Said:
    """What the claim says and where it is from."""
    return Said(
        claim.id,
        claim.sentence,
        claim.believed,
        claim.meaning,
        list(claim.statements),
        list(claim.sources),
        _digest(Path(inspect.getfile(claim.experiment))),
    )


def _digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()[:16]


def summary(report: Report) -> str:
    """The whole run in one line."""
    errors, skipped = (
        len(report.with_verdict(verdict)) for verdict in (Verdict.ERROR, Verdict.SKIPPED)
    )
    counts = [
        *_against_expectations(report),
        *_without_expectations(report),
        *([_counted(errors, "error")] if errors else []),
        *([f"{skipped} skipped"] if skipped else []),
    ]
    return f"{', '.join(counts)} · {report.about.seconds:.0f} s · {report.about.redis}"


def _against_expectations(report: Report) -> list[str]:
    if not any(result.expected for result in report.results):
        return []
    surprises = _counted(len(report.surprises), "surprise")
    return [f"{len(report.as_expected)} as expected", surprises]


def _without_expectations(report: Report) -> list[str]:
    """What was found of somebody else's backends and applications."""
    found = Counter(result.verdict for result in report.results if result.expected is None)
    verdicts = (Verdict.HOLDS, Verdict.FAILS, Verdict.CANNOT_APPLY)
    return [f"{verdict}: {found[verdict]}" for verdict in verdicts if found[verdict]]


def _counted(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"


def dumped(report: Report) -> str:
    """The text of the report's JSON with a line for each result, so that two can be compared.

    `docs/report.schema.json` describes it.
    """
    names = (field.name for field in fields(report))
    return (
        "{" + ",\n".join(f'"{name}":{_in_lines(getattr(report, name))}' for name in names) + "}\n"
    )


def loaded(text: str) -> Report:
    """The report of that text. Raises `ValueError`, with one line, where it is none."""
    try:
        number = msgspec.json.decode(text, type=_Numbered).format
    except msgspec.DecodeError as error:
        raise ValueError(f"this is no report of the laboratory: {error}") from error
    if number != FORMAT:
        raise ValueError(
            f"this report has format {number!r}, and format {FORMAT} is what is read here: "
            "make it again by session-lab compare --format json"
        )
    try:
        return msgspec.json.decode(text, type=Report)
    except msgspec.ValidationError as error:
        raise ValueError(f"this is no report of the laboratory: {error}") from error


class _Numbered(msgspec.Struct):
    """What a report of any format has."""

    format: Any


def _in_lines(value: Any) -> str:
    """The JSON of a field of the report; of a list of objects a line for each of them."""
    if isinstance(value, list) and value and is_dataclass(value[0]):
        return "[\n" + ",\n".join(map(_compact, value)) + "\n]"
    return _compact(value)


def _compact(value: Any) -> str:
    return msgspec.json.encode(value).decode()
