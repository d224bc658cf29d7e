"""The document under test, statement by statement, with what was measured of each.

The document is none of this project's files: a statement is quoted, and known by its line.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from app.documentation import table
from app.lab.claim import Statement, Verdict
from app.lab.markdown import EXPERIMENTS, circumstances, escaped, in_words, linked, title
from app.lab.results import Report, Result, Said

INTRODUCTION = """\
# “Flask: cookies and sessions”, checked

What that document says about cookies and sessions, in the order of its lines, and what the
laboratory measured of it on each session backend. ✓ the statement is true there, ✗ it is not, – it
says nothing about that backend; **False** is what is true nowhere. This file is made from the last
full run, `app/lab/data/report.json`, by `make report`.
"""

SIGN_OF_TRUE, SIGN_OF_FALSE, NO_SIGN = (
    verdict.sign for verdict in (Verdict.HOLDS, Verdict.FAILS, Verdict.CANNOT_APPLY)
)

Proof = tuple[Said, Sequence[Result]]
"""A claim that has to do with the statement, and what became of it on each subject."""


def checked_document(report: Report) -> str:
    """The whole file, as Markdown."""
    return INTRODUCTION + "".join(f"{line}\n" for line in _body(report))


def _body(report: Report) -> Iterator[str]:
    statements = _statements(report)
    yield ""
    yield from circumstances(report)
    yield ""
    yield from _overview(report, statements)
    for statement, proofs in statements.items():
        yield ""
        yield from _section(statement, proofs)


def _statements(report: Report) -> Mapping[Statement, Sequence[Proof]]:
    """What the document says, by line, each with every claim that proves or refutes it."""
    proofs: defaultdict[Statement, list[Proof]] = defaultdict(list)
    for said in report.said:
        found = [report.result(said.id, subject) for subject in report.subjects]
        for statement in said.statements:
            proofs[statement].append((said, [result for result in found if result]))
    return dict(sorted(proofs.items(), key=lambda item: item[0].line))


def _overview(report: Report, statements: Mapping[Statement, Sequence[Proof]]) -> Iterator[str]:
    """A row for each statement, the false ones in bold."""
    rows = []
    for statement, proofs in statements.items():
        true, false = _where(proofs)
        quote = f"“{escaped(statement.quote)}”"
        says = f"**False: {quote}**" if false and not true else quote
        signs = [
            SIGN_OF_FALSE if subject in false else SIGN_OF_TRUE if subject in true else NO_SIGN
            for subject in report.subjects
        ]
        rows.append([str(statement.line), says, *signs])
    yield from table(["line", "the document says", *map(title, report.subjects)], rows)


def _section(statement: Statement, proofs: Sequence[Proof]) -> Iterator[str]:
    yield f"## Line {statement.line}: “{escaped(statement.quote)}”"
    yield ""
    yield _judged(proofs)
    for said, results in proofs:
        yield ""
        yield f"**{linked(said, f'../{EXPERIMENTS}')}** {escaped(said.meaning)}"
        yield ""
        yield from (f"- {line}" for line in _measured(results))


def _judged(proofs: Sequence[Proof]) -> str:
    """In words: true, false, or where it is which."""
    true, false = _where(proofs)
    if not false:
        return f"{SIGN_OF_TRUE} **True** on {_and(true)}." if true else f"{NO_SIGN} Not tried."
    if not true:
        return f"{SIGN_OF_FALSE} **False** on {_and(false)}, and true nowhere."
    return f"{SIGN_OF_FALSE} **False** on {_and(false)}; true on {_and(true)}."


def _where(proofs: Sequence[Proof]) -> tuple[list[str], list[str]]:
    """The subjects on which the statement is true, and those on which any claim refutes it."""
    found: defaultdict[str, set[Verdict]] = defaultdict(set)
    for _, results in proofs:
        for result in results:
            found[result.subject].add(result.verdict)
    false = [subject for subject, verdicts in found.items() if Verdict.FAILS in verdicts]
    true = [
        subject
        for subject, verdicts in found.items()
        if Verdict.HOLDS in verdicts and subject not in false
    ]
    return true, false


def _measured(results: Sequence[Result]) -> Iterator[str]:
    """A line for each outcome; subjects that share it share the line."""
    alike: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for result in results:
        alike[in_words(result), result.figure, result.because].append(result.subject)
    for (verdict, figure, because), subjects in alike.items():
        measured = f" **{escaped(figure)}**." if figure else ""
        yield f"{verdict}: {_and(subjects)}.{measured} {escaped(because)}"


def _and(subjects: Sequence[str]) -> str:
    names = [f"`{subject}`" for subject in subjects]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
