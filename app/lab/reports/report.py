"""The report of a run, what it counts, and the same report as JSON."""

import inspect
import platform
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import IntEnum
from functools import cached_property, lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from app.lab.claim import Claim, Statement, Topic, Verdict
from app.lab.measuring import group_by
from app.lab.subject.evidence import Evidence, shorten_evidence

SHIPPED = Path(__file__).parents[1] / "data" / "report.json"
"""The report that comes with the package: the pages show it until a run was made here."""

PACKAGES = ("flask", "werkzeug", "itsdangerous", "flask-session", "cachelib", "redis", "fakeredis")
"""Packages whose versions decide what is measured."""

FORMAT: Literal[2] = 2
"""The number of the JSON format that is written and read here."""


@dataclass(frozen=True)
class Result:
    """The verdict on one claim for one subject, and what was measured."""

    claim: str
    """The claim's id."""
    subject: str
    """The subject's name."""
    verdict: Verdict
    """What the claim comes to there."""
    expected: Verdict | None
    """`None` where nothing is expected, as of somebody else's backend."""
    figure: str
    """The measurement with its unit, short enough for a cell; empty if there is none."""
    because: str
    """One sentence that says what happened, or why nothing was found out."""
    seconds: float
    """How long the experiment took."""
    evidence: Evidence = field(default_factory=Evidence)
    """What can be shown of the experiment. A token is never shown whole."""

    @property
    def is_conclusive(self) -> bool:
        """Whether something was found out: neither skipped nor an error."""
        return self.verdict not in (Verdict.SKIPPED, Verdict.ERROR)

    @property
    def is_surprise(self) -> bool:
        """Whether something was found out, and it is not what was expected."""
        return self.is_conclusive and self.expected not in (None, self.verdict)


@dataclass(frozen=True)
class ClaimText:
    """The claim's text, copied so that a report can be read without this program."""

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
    """A digest of the experiment's file: the results of another version are out of date."""
    topic: Topic = Topic.DOCUMENT
    """What it is about."""


Grouped = TypeVar("Grouped", Claim, ClaimText)


def group_by_topic(claims: Iterable[Grouped]) -> dict[Topic, list[Grouped]]:
    """The claims of each topic, in the order of the topics; a topic without claims is left out."""
    groups = group_by(claims, lambda claim: claim.topic)
    return {topic: groups[topic] for topic in Topic if topic in groups}


@dataclass(frozen=True)
class Circumstances:
    """When, where and with which versions a run was made."""

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
    """The versions of Python and of the packages that decide what is measured, by name."""


@dataclass(frozen=True)
class Remedy:
    """A change of a foreign application, and the claims that would hold after it."""

    what: str
    """The setting, the line of code or the backend."""
    turns: list[str]
    """Claims that it turns alone."""
    helps: list[str]
    """Claims that it turns with another change: the others that name it, and for a backend
    session.clear() in the login; or that nothing is known to turn."""


@dataclass(frozen=True)
class Remedies:
    """What would turn the verdicts on a foreign application."""

    failing: int
    """The number of claims that fail on it."""
    settings: list[Remedy]
    """Settings of Flask and its extensions, and lines of the application's own code."""
    backends: list[Remedy]
    """The project's own backends, as the report that comes with it has them."""
    others: list[Remedy]
    """What neither a setting nor a backend turns alone."""


class ExitStatus(IntEnum):
    AS_EXPECTED = 0
    SURPRISE = 1
    ERROR = 2


@dataclass(frozen=True)
class Report:
    """One run: the subjects in the order of their columns, and a result for each claim."""

    format: Literal[2] = field(default=FORMAT, kw_only=True)
    """Counts up when a reader of an earlier format would misread this one."""
    circumstances: Circumstances
    """When, where and with which versions the run was made."""
    subjects: list[str]
    """The backends under experiment, in the order of their columns."""
    results: list[Result]
    """The result of each claim on each subject: by claim, then by subject."""
    claims: list[ClaimText] = field(default_factory=list)
    """The texts of the claims, in their order."""
    remedies: Remedies | None = None
    """What to change in the application of `--app`; `None` without one."""

    def result(self, claim: str, subject: str) -> Result | None:
        """The claim's result on the subject; `None` if it was not tried there."""
        return self.by_pair.get((claim, subject))

    def verdict(self, claim: str, subject: str) -> Verdict | None:
        """The claim's verdict on the subject; `None` if it was not tried there."""
        result = self.result(claim, subject)
        return result.verdict if result else None

    def row(self, claim: str) -> list[Result]:
        """The claim's results, in the order of the subjects."""
        return [found for subject in self.subjects if (found := self.result(claim, subject))]

    @property
    def surprises(self) -> list[Result]:
        """The results that are not what was expected."""
        return [result for result in self.results if result.is_surprise]

    def with_verdict(self, verdict: Verdict) -> list[Result]:
        return [result for result in self.results if result.verdict is verdict]

    @property
    def exit_status(self) -> ExitStatus:
        """An error weighs more than a surprise."""
        if self.with_verdict(Verdict.ERROR):
            return ExitStatus.ERROR
        return ExitStatus.SURPRISE if self.surprises else ExitStatus.AS_EXPECTED

    @cached_property
    def by_pair(self) -> dict[tuple[str, str], Result]:
        """The results by their claim and subject."""
        return {(result.claim, result.subject): result for result in self.results}


class LatestReport(NamedTuple):
    """The report that the pages show."""

    report: Report
    is_shipped: bool
    """Whether it came with the package instead of a run on this machine."""


def find_latest_report(own: Path) -> LatestReport | None:
    """The report of this installation, else the shipped one; `None` if neither can be read."""
    for path in (own, SHIPPED):
        try:
            return LatestReport(read_report(path), path is SHIPPED)
        except (OSError, ValueError):  # missing, or written by another version of this program
            continue
    return None


def read_report(path: Path) -> Report:
    """The report in a file, which is parsed again only when it has changed.

    Raises `OSError` if it is missing, and `ValueError` if this version cannot read it.
    """
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int) -> Report:
    return parse_report(path.read_text(encoding="utf-8"))


def describe_circumstances(
    begun: datetime, seconds: float, redis: str, browser: str
) -> Circumstances:
    """The circumstances of a run on this machine."""
    versions = {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    machine = f"{platform.system()} {platform.machine()}"
    date = begun.astimezone(UTC).isoformat(timespec="seconds")
    return Circumstances(date, round(seconds, 1), redis, browser, machine, versions)


def copy_claim_text(claim: Claim) -> ClaimText:
    return ClaimText(
        claim.id,
        claim.sentence,
        claim.believed,
        claim.meaning,
        list(claim.statements),
        list(claim.sources),
        sha256(Path(inspect.getfile(claim.experiment)).read_bytes()).hexdigest()[:16],
        claim.topic,
    )


def shorten_report(report: Report, max_exchanges: int) -> Report:
    """The report with less evidence: fewer exchanges, and only the headers about sessions."""
    return replace(
        report,
        results=[
            replace(
                result,
                seconds=round(result.seconds, 2),
                evidence=shorten_evidence(result.evidence, max_exchanges),
            )
            for result in report.results
        ],
    )


def summarize(report: Report) -> str:
    """The whole run in one line."""
    ran = report.circumstances
    return f"{', '.join(_count_results(report))} · {ran.seconds:.0f} s · {ran.redis}"


def _count_results(report: Report) -> Iterator[str]:
    if any(result.expected for result in report.results):
        yield f"{sum(result.verdict == result.expected for result in report.results)} as expected"
        yield _format_count(len(report.surprises), "surprise")
    # Nothing is expected of somebody else's backends and applications.
    found = Counter(result.verdict for result in report.results if result.expected is None)
    for verdict in (Verdict.HOLDS, Verdict.FAILS, Verdict.CANNOT_APPLY):
        if found[verdict]:
            yield f"{verdict}: {found[verdict]}"
    if errors := len(report.with_verdict(Verdict.ERROR)):
        yield _format_count(errors, "error")
    if skipped := len(report.with_verdict(Verdict.SKIPPED)):
        yield f"{skipped} skipped"


def _format_count(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def dump_by_line(found: Any) -> str:
    """The JSON of a report or a bench, which docs/schemas/ describe.

    A list of results has a line for each, so that two files can be compared.
    """
    lines = (f'"{each.name}":{_dump_field(getattr(found, each.name))}' for each in fields(found))
    return "{" + ",\n".join(lines) + "}\n"


def parse_report(text: str) -> Report:
    """The report of this JSON. Raises `ValueError`, with one line, if it is none."""
    try:
        number = msgspec.json.decode(text, type=_Numbered).format
        if number == FORMAT:
            return msgspec.json.decode(text, type=Report)
    except msgspec.DecodeError as error:
        raise ValueError(f"this is not a report of the laboratory: {error}") from error
    raise ValueError(
        f"this report has format {number!r}, and this version reads format {FORMAT}: "
        "make it again by session-lab compare --format json"
    )


class _Numbered(msgspec.Struct):
    """The part of the JSON that every format has."""

    format: Any


def _dump_field(value: Any) -> str:
    """The JSON of a field of the report: a list of objects has a line for each of them."""
    if isinstance(value, list) and value and is_dataclass(value[0]):
        return "[\n" + ",\n".join(map(_dump_field, value)) + "\n]"
    return msgspec.json.encode(value).decode()
