"""A report as Markdown: the matrix, then claim by claim."""

from collections.abc import Iterator

from app.lab.claim import Verdict
from app.lab.reports.report import Report, Result, Said, summary
from app.readme import table
from backends import BACKENDS

EXPERIMENTS = "app/lab/experiments"
DOCUMENT, FIELD = "The document says", "The field asks"
"""Titles of the claims that have statements, and of the others."""

SIGNS = "✓ the sentence is true there, ✗ it is not, – it says nothing about that backend."


def markdown(report: Report) -> str:
    """The whole report."""
    return "".join(f"{line}\n" for line in _report(report))


def _report(report: Report) -> Iterator[str]:
    yield "# What is true of sessions, and where"
    yield ""
    yield from circumstances(report)
    yield ""
    yield f"**{escaped(summary(report))}**"
    yield ""
    yield SIGNS
    yield ""
    yield from matrix(report)
    for said in report.said:
        yield from _claim(report, said)


def circumstances(report: Report) -> Iterator[str]:
    """When and with what the run was made."""
    about = report.about
    versions = ", ".join(f"{name} {version}" for name, version in about.versions.items())
    yield f"- Made: {about.date}, in {about.seconds:.0f} s, on {about.machine}"
    yield f"- Redis: {about.redis}"
    yield f"- Browser: {about.browser}"
    yield f"- Versions: {versions}"


def matrix(report: Report, experiments: str | None = None) -> Iterator[str]:
    """A row for each claim. `experiments`: the folder to which its sentence links."""
    document = [said for said in report.said if said.is_of_document]
    field = [said for said in report.said if not said.is_of_document]
    heads = [title(subject) for subject in report.subjects]
    for name, group in ((DOCUMENT, document), (FIELD, field)):
        if group:
            rows = [[linked(said, experiments), *_signs(report, said)] for said in group]
            yield from table([name, *heads], rows)
            yield ""


def _claim(report: Report, said: Said) -> Iterator[str]:
    yield f"## {escaped(said.sentence)}"
    yield ""
    yield f"`{said.id}` · {'; '.join(origins(said))} · `{EXPERIMENTS}/{said.id}.py`"
    yield ""
    rows = [
        [title(result.subject), in_words(result), escaped(result.figure), escaped(result.because)]
        for result in (report.result(said.id, subject) for subject in report.subjects)
        if result
    ]
    yield from table(["on", "verdict", "measured", "because"], rows)
    yield ""
    yield escaped(said.meaning)
    yield ""


def origins(said: Said) -> list[str]:
    """Where the document says it, or who asks it."""
    places = [f"line {place.line}: “{escaped(place.quote)}”" for place in said.statements]
    return [*places, *map(escaped, said.sources)]


def in_words(result: Result) -> str:
    """The verdict with its sign, and the one that was expected where it surprises."""
    if not result.is_surprise:
        return result.verdict.signed
    return f"**{result.verdict.signed}: a surprise, expected {result.expected}**"


def title(subject: str) -> str:
    """What a reader calls the subject."""
    return BACKENDS[subject].title if subject in BACKENDS else subject


def escaped(text: str) -> str:
    """The text in a line or a cell of Markdown, where nothing of it is markup."""
    for character in "\\`*_[]<>|":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())


def linked(said: Said, experiments: str | None) -> str:
    """The claim's sentence; a link to its experiment where their folder is given."""
    sentence = escaped(said.sentence)
    return sentence if experiments is None else f"[{sentence}]({experiments}/{said.id}.py)"


def _signs(report: Report, said: Said) -> Iterator[str]:
    for subject in report.subjects:
        result = report.result(said.id, subject)
        yield _sign(result) if result else ""


def _sign(result: Result) -> str:
    found_out_nothing = result.verdict in (Verdict.SKIPPED, Verdict.ERROR)
    sign = result.verdict.signed if found_out_nothing else result.verdict.sign
    return f"{sign} **surprise**" if result.is_surprise else sign
