"""Made-up reports."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from app.lab.claim import CANNOT_APPLY, FAILS, HOLDS, Statement, Topic, Verdict
from app.lab.reports.html import format_html
from app.lab.reports.report import SHIPPED as PUBLISHED
from app.lab.reports.report import Circumstances, ClaimText, Report, Result, parse_report
from app.lab.subject.evidence import Evidence, Holding, ShownExchange

CIRCUMSTANCES = Circumstances(
    "2026-01-02T03:04:05+00:00", 41.3, "Redis 7.0.15", "a jar", "Linux x86_64", {"flask": "3.1.3"}
)
SUBJECTS = ["cookie", "filesystem", "redis"]
EVIDENCE = Evidence(
    [
        ShownExchange(
            "POST",
            "http://127.0.0.1/login",
            303,
            [("Host", "127.0.0.1"), ("Cookie", "session=abcdef…(90 characters)")],
            [("Set-Cookie", "session=ghijkl…(90 characters)"), ("Server", "Werkzeug")],
            "",
            before=["8 hours pass."],
        )
    ],
    3,
    [Holding("after the login", "session", 97, None, "sessions/1f", 120, {"user": "alice"})],
    ["The store is back."],
)


def claim_text(claim: str, sentence: str, *statements: Statement) -> ClaimText:
    sources = [] if statements else ["OWASP ASVS 5.0, 7.4.1"]
    topic = Topic.DOCUMENT if statements else Topic.LOGOUT
    return ClaimText(
        claim, sentence, "Many do.", "It matters.", list(statements), sources, "0" * 16, topic
    )


ENCRYPTED = claim_text(
    "encrypted",
    "Sessions are encrypted | with the key.",
    Statement(128, "automatically encrypted"),
    Statement(100, "Sessions are encrypted"),
)
SERVER_SIDE = claim_text(
    "server_side", "Data is stored on the server.", Statement(100, "server-side session management")
)
HIDDEN = claim_text("hidden", "The data is hidden.", Statement(128, "automatically encrypted"))
LOGOUT = claim_text("logout_is_final", "A kept token is dead.")


def result(
    claim: str,
    subject: str,
    verdict: Verdict,
    figure: str = "",
    because: str = "It was measured.",
    expected: Verdict | None = None,
) -> Result:
    return Result(claim, subject, verdict, expected or verdict, figure, because, 0.1, EVIDENCE)


def report(*results: Result, claims: Sequence[ClaimText]) -> Report:
    return Report(CIRCUMSTANCES, SUBJECTS, list(results), list(claims))


AS_EXPECTED = report(
    result("server_side", "cookie", FAILS, "0 bytes"),
    result("server_side", "filesystem", HOLDS, "120 bytes"),
    result("server_side", "redis", HOLDS, "120 bytes"),
    result("encrypted", "cookie", FAILS, "user: alice", "It was read without the key."),
    result("encrypted", "filesystem", CANNOT_APPLY, "", "There is nothing in it."),
    result("encrypted", "redis", CANNOT_APPLY, "", "There is nothing in it."),
    result("logout_is_final", "cookie", FAILS, "alive"),
    result("logout_is_final", "filesystem", HOLDS, "dead"),
    result("logout_is_final", "redis", HOLDS, "dead"),
    claims=[SERVER_SIDE, ENCRYPTED, LOGOUT],
)

SURPRISING = report(
    result("logout_is_final", "cookie", FAILS, "alive"),
    result("logout_is_final", "filesystem", FAILS, "alive", "It still logs in.", HOLDS),
    result("logout_is_final", "redis", Verdict.SKIPPED, "", "No server is here.", HOLDS),
    claims=[LOGOUT],
)

BROKEN = report(
    result("logout_is_final", "cookie", HOLDS, "dead", expected=FAILS),
    result("logout_is_final", "filesystem", Verdict.ERROR, "", "Its process ended.", HOLDS),
    result("logout_is_final", "redis", HOLDS, "dead"),
    claims=[LOGOUT],
)


@cache
def faulty_run() -> Report:
    """The published run, but with one surprise and one error; nobody changes it."""
    report = parse_report(PUBLISHED.read_text())
    faults: dict[tuple[str, str], dict[str, Any]] = {
        ("parallel_writes_survive", "redis"): {"verdict": Verdict.FAILS}
    }
    error: dict[str, Any] = {"verdict": Verdict.ERROR, "figure": "", "evidence": Evidence()}
    faults["key_rotation", "cookie"] = error
    results = [
        replace(result, **faults.get((result.claim, result.subject), {}))
        for result in report.results
    ]
    return replace(report, results=results)


@cache
def faulty_html() -> str:
    """The same as one file: made once, because it takes a third of a second."""
    return format_html(faulty_run())
