"""The document under test, statement by statement, with what was measured of each.

The document is none of this project's files: a statement is quoted, and known by its line.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from app.lab.claim import Statement, Verdict
from app.lab.reports.markdown import EXPERIMENTS, circumstances, escaped, in_words, linked, title
from app.lab.reports.report import Report, Result, Said
from app.readme import table

INTRODUCTION = """\
# “Flask: cookies and sessions”, checked

What that document says about cookies and sessions, in the order of its lines, and what the
laboratory measured of it on each session backend. ✓ the statement is true there, ✗ it is not, – it
says nothing about that backend; **False** is what is true nowhere. This file is made from the last
full run, `app/lab/data/report.json`, by `make report`.
"""

NOT_TRIED = (
    (106, "Required for sessions", "A rule of Flask; its own tests prove it on each backend."),
    (
        121,
        "@app.route('/logout')",
        "An example. Any page with a picture can send a logout by GET; here it is a POST.",
    ),
    (132, "Creates custom response objects", "A means; what its cookies do is measured."),
    (170, "Cookies sent by client", "A name for what `/request-info` shows."),
    (
        188,
        "sent back and forth between the browser and server with each HTTP request",
        "Half of it, at line 200: a browser sends them each time, a server only when it sets one.",
    ),
    (207, "Track user behavior", "Advice. `/articles` does it."),
    (208, "Store non-sensitive data", "Advice. `/preferences` does it."),
    (210, "Cache frequently accessed, non-sensitive information", "Advice."),
    (212, "Example scenarios: …", "Examples. `/preferences`, `/articles` and the guest’s `/cart`."),
    (227, "Example scenarios: …", "Examples. `/cart`, `/checkout`, `/uploads` and `/admin`."),
    (
        238,
        "Always use HTTPS for both",
        "Advice. In production the application serves nothing else.",
    ),
    (243, "Minimize cookie size and number", "Advice; what size costs is measured at line 200."),
    (245, "Consider using both together", "Advice. This application does."),
    (248, "Many applications use both", "About other applications."),
)
"""Lines that are true or false of no backend: each with the quote, and why no claim tries it."""

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
    yield _counted(statements)
    yield ""
    yield from _overview(report, statements)
    told: set[str] = set()
    for statement, proofs in statements.items():
        yield ""
        yield from _section(statement, proofs, told)
        told |= {said.id for said, _ in proofs}
    yield from ("", "## Not tried", "")
    yield "What else it says of cookies and sessions, and why no experiment decides it."
    yield ""
    rows = [[str(line), f"“{escaped(quote)}”", why] for line, quote, why in NOT_TRIED]
    yield from table(["line", "the document says", "why not"], rows)


def _statements(report: Report) -> Mapping[Statement, Sequence[Proof]]:
    """What the document says, by line, each with every claim that proves or refutes it."""
    proofs: defaultdict[Statement, list[Proof]] = defaultdict(list)
    for said in report.said:
        found = [report.result(said.id, subject) for subject in report.subjects]
        for statement in said.statements:
            proofs[statement].append((said, [result for result in found if result]))
    return dict(sorted(proofs.items(), key=lambda item: item[0].line))


def _counted(statements: Mapping[Statement, Sequence[Proof]]) -> str:
    found = [_where(proofs) for proofs in statements.values()]
    wholly_true = sum(bool(true) and not false for true, false in found)
    partly = sum(bool(true) and bool(false) for true, false in found)
    false = sum(bool(false) and not true for true, false in found)
    return (
        f"Statements that are true wherever they say anything: {wholly_true}. On some backends "
        f"only: {partly}. **Nowhere: {false}.**"
    )


def _overview(report: Report, statements: Mapping[Statement, Sequence[Proof]]) -> Iterator[str]:
    """A row for each statement, the false ones in bold."""
    rows = []
    for statement, proofs in statements.items():
        true, false = _where(proofs)
        says = _quoted(statement)
        signs = [
            SIGN_OF_FALSE if subject in false else SIGN_OF_TRUE if subject in true else NO_SIGN
            for subject in report.subjects
        ]
        is_false = false and not true
        rows.append([str(statement.line), f"**False: {says}**" if is_false else says, *signs])
    yield from table(["line", "the document says", *map(title, report.subjects)], rows)


def _section(statement: Statement, proofs: Sequence[Proof], told: Collection[str]) -> Iterator[str]:
    """The statement with its proofs; of what is `told` already the figures alone."""
    yield f"## Line {statement.line}: {_quoted(statement)}"
    yield ""
    yield _judged(proofs)
    for said, results in proofs:
        is_new = said.id not in told
        yield ""
        meaning = f" {escaped(said.meaning)}" if is_new else ""
        yield f"**{linked(said, f'../{EXPERIMENTS}')}**{meaning}"
        yield ""
        yield from (f"- {line}" for line in _measured(results, with_reasons=is_new))


def _quoted(statement: Statement) -> str:
    return f"“{escaped(statement.quote)}”"


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


def _measured(results: Sequence[Result], *, with_reasons: bool) -> Iterator[str]:
    """A line for each outcome; subjects that share it share the line."""
    alike: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for result in results:
        reason = result.because if with_reasons else ""
        alike[in_words(result), result.figure, reason].append(result.subject)
    for (verdict, figure, reason), subjects in alike.items():
        parts = [f"{verdict}: {_and(subjects)}."]
        if figure:
            parts.append(f"**{escaped(figure)}**.")
        yield " ".join([*parts, escaped(reason)]).rstrip()


def _and(subjects: Sequence[str]) -> str:
    names = [f"`{subject}`" for subject in subjects]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
