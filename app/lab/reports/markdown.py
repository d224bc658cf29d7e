"""A report as Markdown: the matrix, each claim, and the statements of the document under test."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from app.lab.claim import CANNOT_APPLY, FAILS, HOLDS, Claim, Statement, Verdict, group_by_topic
from app.lab.reports.matrix import make_column
from app.lab.reports.report import ClaimText, Report, Result, summarize
from app.readme import format_table

EXPERIMENTS = "app/lab/experiments"

LEGEND = "✓ the sentence is true there, ✗ it is not, – it says nothing about that backend."


def format_markdown(report: Report) -> str:
    """The whole report."""
    return "".join(f"{line}\n" for line in _format_lines(report))


def _format_lines(report: Report) -> Iterator[str]:
    yield from ("# What is true of sessions, and where", "")
    yield from _format_circumstances(report)
    yield from ("", f"**{escape(summarize(report))}**", "", LEGEND, "")
    yield from format_matrix(report)
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
    """A row for each claim. `experiments`: the folder to which its sentence links."""
    for topic, claims in group_by_topic(report.claims).items():
        rows = [
            [_link_claim(claim, experiments), *_format_signs(report, claim)] for claim in claims
        ]
        yield from format_table([topic.heading, *_titles(report)], rows)
        yield ""


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
        for result in _find_results(report, claim)
    ]
    yield from (f"## {escape(claim.sentence)}", "")
    yield from (f"`{claim.id}` · {origins} · `{EXPERIMENTS}/{claim.id}.py`", "")
    yield from format_table(["on", "verdict", "measured", "because"], rows)
    yield from ("", escape(claim.meaning), "")


def _find_results(report: Report, claim: ClaimText) -> list[Result]:
    found = (report.result(claim.id, subject) for subject in report.subjects)
    return [result for result in found if result]


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


def _format_signs(report: Report, claim: ClaimText) -> Iterator[str]:
    for subject in report.subjects:
        result = report.result(claim.id, subject)
        yield _format_sign(result) if result else ""


def _format_sign(result: Result) -> str:
    sign = result.verdict.sign if result.is_conclusive else result.verdict.signed
    return f"{sign} **surprise**" if result.is_surprise else sign


class CheckedStatement(NamedTuple):
    """A statement of the document, and the results of each claim that tries it."""

    statement: Statement
    proofs: Sequence[tuple[ClaimText, Sequence[Result]]]
    true_on: Sequence[str]
    """The subjects on which a claim proves it and none refutes it."""
    false_on: Sequence[str]
    """The subjects on which a claim refutes it."""

    @property
    def quote(self) -> str:
        """Its words as Markdown."""
        return f"“{escape(self.statement.quote)}”"

    def sign(self, subject: str) -> str:
        """Whether it is true on the subject."""
        if subject in self.false_on:
            return FAILS.sign
        return (HOLDS if subject in self.true_on else CANNOT_APPLY).sign


def format_statements(report: Report) -> Iterator[str]:
    """The document under test, statement by statement: a table, then a section for each."""
    checked = _check_statements(report)
    yield from _format_circumstances(report)
    yield from ("", _count_statements(checked), "")
    yield from _format_overview(report, checked)
    explained: set[str] = set()
    for each in checked:
        yield ""
        yield from _format_section(each, explained)
        explained.update(claim.id for claim, _ in each.proofs)


def _check_statements(report: Report) -> list[CheckedStatement]:
    """The statements in the order of their lines."""
    proofs: defaultdict[Statement, list[tuple[ClaimText, Sequence[Result]]]] = defaultdict(list)
    for claim in report.claims:
        for statement in claim.statements:
            proofs[statement].append((claim, _find_results(report, claim)))
    in_order = sorted(proofs, key=lambda statement: statement.line)
    return [_check_statement(statement, proofs[statement]) for statement in in_order]


def _check_statement(
    statement: Statement, proofs: Sequence[tuple[ClaimText, Sequence[Result]]]
) -> CheckedStatement:
    found: defaultdict[str, set[Verdict]] = defaultdict(set)
    for _, results in proofs:
        for result in results:
            found[result.subject].add(result.verdict)
    false_on = [subject for subject, verdicts in found.items() if FAILS in verdicts]
    true_on = [
        subject
        for subject, verdicts in found.items()
        if HOLDS in verdicts and FAILS not in verdicts
    ]
    return CheckedStatement(statement, proofs, true_on, false_on)


def _count_statements(checked: Sequence[CheckedStatement]) -> str:
    kinds = [(bool(each.true_on), bool(each.false_on)) for each in checked]
    return (
        f"Statements that are true wherever they say anything: {kinds.count((True, False))}. "
        f"On some backends only: {kinds.count((True, True))}. "
        f"**Nowhere: {kinds.count((False, True))}.**"
    )


def _format_overview(report: Report, checked: Iterable[CheckedStatement]) -> Iterator[str]:
    """A row for each statement; those that are true nowhere are bold."""
    rows = []
    for each in checked:
        is_false = each.false_on and not each.true_on
        text = f"**False: {each.quote}**" if is_false else each.quote
        rows.append([str(each.statement.line), text, *map(each.sign, report.subjects)])
    yield from format_table(["line", "the document says", *_titles(report)], rows)


def _format_section(checked: CheckedStatement, explained: Collection[str]) -> Iterator[str]:
    """The statement with its proofs; of a claim that was explained before only the figures."""
    yield from (f"## Line {checked.statement.line}: {checked.quote}", "", _judge(checked))
    for claim, results in checked.proofs:
        is_new = claim.id not in explained
        meaning = f" {escape(claim.meaning)}" if is_new else ""
        yield from ("", f"**{_link_claim(claim, f'../{EXPERIMENTS}')}**{meaning}", "")
        yield from (f"- {line}" for line in _format_outcomes(results, with_reasons=is_new))


def _judge(checked: CheckedStatement) -> str:
    true_on, false_on = _join_names(checked.true_on), _join_names(checked.false_on)
    if not false_on:
        return (
            f"{HOLDS.sign} **True** on {true_on}." if true_on else f"{CANNOT_APPLY.sign} Not tried."
        )
    end = f"; true on {true_on}." if true_on else ", and true nowhere."
    return f"{FAILS.sign} **False** on {false_on}{end}"


def _format_outcomes(results: Sequence[Result], *, with_reasons: bool) -> Iterator[str]:
    """A line for each outcome, with all subjects that share it."""
    alike: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for result in results:
        reason = result.because if with_reasons else ""
        alike[_describe_verdict(result), result.figure, reason].append(result.subject)
    for (verdict, figure, reason), subjects in alike.items():
        measured = f" **{escape(figure)}**." if figure else ""
        yield f"{verdict}: {_join_names(subjects)}.{measured} {escape(reason)}".rstrip()


def _join_names(subjects: Sequence[str]) -> str:
    *others, last = [f"`{subject}`" for subject in subjects] or [""]
    return f"{', '.join(others)} and {last}" if others else last
