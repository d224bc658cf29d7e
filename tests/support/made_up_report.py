"""What a run of the whole laboratory could have found out, to try the pages with."""

from datetime import UTC, datetime

from app.lab.claim import Verdict
from app.lab.experiments import CLAIMS
from app.lab.reports.matrix import QUESTIONS
from app.lab.reports.report import Report, Result, describe_circumstances
from app.lab.subject.evidence import Evidence, Holding, ShownExchange
from backends import BACKENDS

FIGURES = ("148 bytes in the browser, 0 on the server", "8 of 8 keys kept", "dead", "503 in 0.2 s")
VERDICTS = (Verdict.HOLDS, Verdict.FAILS, Verdict.HOLDS, Verdict.CANNOT_APPLY, Verdict.HOLDS)
ASKED_FIRST = {question.claim for question in QUESTIONS}
SURPRISE = ("parallel_writes_survive", "redis")
ERROR = ("key_rotation", "cookie")


def made_up_report() -> Report:
    """Every claim on every backend, one surprise and one error included."""
    pairs = [(claim, subject) for claim in CLAIMS for subject in BACKENDS]
    results = [
        _result(claim, subject, _verdict(claim, subject, number), FIGURES[number % 4])
        for number, (claim, subject) in enumerate(pairs)
    ]
    circumstances = describe_circumstances(
        datetime(2026, 3, 1, tzinfo=UTC), 41.5, "Redis 8.0.2", "the laboratory's own"
    )
    return Report(circumstances, list(BACKENDS), results)


def _verdict(claim: str, subject: str, number: int) -> Verdict:
    if (claim, subject) == SURPRISE:
        return Verdict.FAILS
    if claim in ASKED_FIRST:
        return Verdict.FAILS if BACKENDS[subject].state == "browser" else Verdict.HOLDS
    return Verdict.ERROR if (claim, subject) == ERROR else VERDICTS[(number // 5 * 2 + number) % 5]


def _result(claim: str, subject: str, verdict: Verdict, figure: str) -> Result:
    has_evidence = verdict not in (Verdict.CANNOT_APPLY, Verdict.ERROR)
    return Result(
        claim,
        subject,
        verdict,
        Verdict.HOLDS if (claim, subject) == SURPRISE else verdict,
        figure if has_evidence else "",
        "The token from before the logout logs nobody in.",
        0.1,
        _evidence(subject) if has_evidence else Evidence(),
    )


def _evidence(subject: str) -> Evidence:
    token = "NEVWab…(85 characters)"
    exchanges = [
        ShownExchange(
            method="POST",
            url=f"http://127.0.0.1:43121/login?number={number}",
            status=302,
            request_headers=[
                ("Host", "127.0.0.1:43121"),
                ("Origin", "http://127.0.0.1:43121"),
                ("Cookie", f"session_{subject}={token}"),
                ("Content-Type", "application/x-www-form-urlencoded"),
            ],
            response_headers=[
                ("Content-Type", "text/html; charset=utf-8"),
                ("Location", "/dashboard"),
                ("Set-Cookie", f"session_{subject}={token}; HttpOnly; Path=/; SameSite=Lax"),
                ("Content-Security-Policy", "default-src 'self'; " + "img-src 'self' data:; " * 4),
                ("Vary", "Cookie"),
            ],
            body="(a page of 4210 bytes)",
            inside='session["cart"].append({"product": "jar", "quantity": 1})'
            if number == 2
            else "",
            before=["The store is taken away."] if number == 6 else [],
        )
        for number in range(8)
    ]
    return Evidence(exchanges, 4, [_holding(subject)] * 2, ["The store is back."])


def _holding(subject: str) -> Holding:
    in_browser = BACKENDS[subject].state == "browser"
    return Holding(
        moment="after the login",
        cookie=f"session_{subject}",
        cookie_bytes=264,
        decoded='{\n  "user": "ada",\n  "note": "<b>hello</b>"\n}' if in_browser else None,
        where=None if in_browser else "instance/sessions/redis/2f43300084edd4e5",
        record_bytes=0 if in_browser else 412,
        fields={} if in_browser else {"user": "ada", "note": "'x' * 5000"},
    )
