"""A report as Markdown: the matrix, each claim, and the statements of the document under test."""

from collections.abc import Iterable, Iterator, Sequence

from app.lab.claim import Claim
from app.lab.document.checked import (
    CheckedStatement,
    TriedBy,
    TrueWhere,
    check_statements,
    count_statements,
)
from app.lab.document.statements import UNMEASURED
from app.lab.reports.matrix import make_column
from app.lab.reports.remedies import describe_remedies
from app.lab.reports.report import ClaimText, Report, Result, group_by_topic, summarize
from app.readme import format_table

EXPERIMENTS = "app/lab/experiments"

LEGEND = "✓ the sentence is true there, ✗ it is not, – it says nothing about that backend."


def format_markdown(report: Report) -> str:
    return "".join(f"{line}\n" for line in _format_lines(report))


def _format_lines(report: Report) -> Iterator[str]:
    yield from ("# What is true of sessions, and where", "")
    yield from _format_circumstances(report)
    yield from ("", f"**{escape(summarize(report))}**", "")
    yield from format_matrix(report)
    for title, changes in describe_remedies(report.remedies).items():
        yield from (f"## {title}", "")
        yield from (f"- **{escape(each.what)}** {escape(each.text)}" for each in changes)
        yield ""
    for claim in report.claims:
        yield from _format_claim(report, claim)


def _format_circumstances(report: Report) -> Iterator[str]:
    ran = report.circumstances
    versions = ", ".join(f"{name} {version}" for name, version in ran.versions.items())
    yield f"- Made: {ran.date}, in {ran.seconds:.0f} s, on {ran.machine}"
    yield f"- Redis: {ran.redis}"
    yield f"- Browser: {ran.browser}"
    yield f"- Versions: {versions}"


def format_matrix(report: Report, experiments: str | None = None) -> Iterator[str]:
    """The legend, and a row for each claim; its sentence links into the folder `experiments`."""
    yield from (LEGEND, "")
    for topic, claims in group_by_topic(report.claims).items():
        yield from _format_claims(report, claims, topic.heading, experiments)
        yield ""


def format_rows(report: Report, claims: Sequence[str], experiments: str) -> Iterator[str]:
    """The legend, and a row for each of these claims, in their order."""
    texts = {claim.id: claim for claim in report.claims}
    yield from (LEGEND, "")
    yield from _format_claims(report, [texts[claim] for claim in claims], "", experiments)


def _format_claims(
    report: Report, claims: Sequence[ClaimText], head: str, experiments: str | None
) -> Iterator[str]:
    rows = [
        [_link_claim(claim, experiments)]
        + [_format_sign(report.result(claim.id, subject)) for subject in report.subjects]
        for claim in claims
    ]
    return format_table([head, *_titles(report)], rows)


def _titles(report: Report) -> list[str]:
    return [make_column(subject).title for subject in report.subjects]


def _format_claim(report: Report, claim: ClaimText) -> Iterator[str]:
    origins = "; ".join(map(escape, list_origins(claim)))
    rows = [
        [
            make_column(result.subject).title,
            _describe_verdict(result),
            escape(result.figure),
            escape(result.because),
        ]
        for result in report.row(claim.id)
    ]
    yield from (f"## {escape(claim.sentence)}", "")
    yield from (f"`{claim.id}` · {origins} · `{EXPERIMENTS}/{claim.id}.py`", "")
    yield from format_table(["on", "verdict", "measured", "because"], rows)
    yield from ("", escape(claim.meaning), "")


def list_origins(claim: Claim | ClaimText) -> list[str]:
    """The lines of the document that say it, and who else asks it."""
    lines = [f"line {statement.line}: “{statement.quote}”" for statement in claim.statements]
    return [*lines, *claim.sources]


def _describe_verdict(result: Result) -> str:
    """The verdict, and the one that was expected if it is a surprise."""
    if not result.is_surprise:
        return result.verdict.signed
    return f"**{result.verdict.signed}: a surprise, expected {result.expected}**"


def escape(text: str) -> str:
    """The text for a line or a cell of Markdown, without anything that is markup."""
    for character in "\\`*_[]<>|":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())


def _link_claim(claim: ClaimText, experiments: str | None) -> str:
    """The claim's sentence; a link to its experiment if their folder is given."""
    sentence = escape(claim.sentence)
    return sentence if experiments is None else f"[{sentence}]({experiments}/{claim.id}.py)"


def _format_sign(result: Result | None) -> str:
    if result is None:
        return ""
    sign = result.verdict.sign if result.is_conclusive else result.verdict.signed
    return f"{sign} **surprise**" if result.is_surprise else sign


def format_statements(report: Report) -> Iterator[str]:
    """The document under test: a table of what claims try, and one of the rest."""
    checked = check_statements(TriedBy(claim, report.row(claim.id)) for claim in report.claims)
    yield from _format_circumstances(report)
    yield from ("", count_statements(checked), "")
    yield from _format_overview(report, checked)
    yield from ("", "## What no experiment measures", "")
    rows = [[str(each.line), f"“{escape(each.quote)}”", escape(each.fact)] for each in UNMEASURED]
    yield from format_table(["line", "the document says", "what is so"], rows)


def _format_overview(report: Report, checked: Iterable[CheckedStatement]) -> Iterator[str]:
    """A row for each statement; those that are true nowhere are bold."""
    rows = []
    for each in checked:
        quote = f"“{escape(each.quote)}”"
        is_false = each.true_where is TrueWhere.NOWHERE
        signs = [each.verdict(subject).sign for subject in report.subjects]
        text = f"**False: {quote}**" if is_false else quote
        rows.append([str(each.line), text, *signs])
    yield from format_table(["line", "the document says", *_titles(report)], rows)
