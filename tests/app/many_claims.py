"""As many claims and results as the laboratory will have, made up, to try the pages with."""

from datetime import UTC, datetime

from app.lab.claim import Claim, Finding, Statement, Verdict, on_each
from app.lab.evidence import Evidence, Holding, ShownExchange
from app.lab.experiments import CLAIMS
from app.lab.results import Report, Result, about
from backends import BACKENDS

OF_DOCUMENT = 18
OF_FIELD = 28
FIGURES = ("148 bytes in the browser, 0 on the server", "8 of 8 keys kept", "dead", "503 in 0.2 s")
VERDICTS = (Verdict.HOLDS, Verdict.FAILS, Verdict.HOLDS, Verdict.CANNOT_APPLY, Verdict.HOLDS)
REAL = tuple(CLAIMS.values())
ASKED_FIRST = ("data_hidden_from_client", "server_side", "store_down", "logout_is_final")
"""Claims that answer the first questions; the last is a real one."""


def made_up(name: str, number: int, *, of_document: bool) -> Claim:
    """A claim without an experiment worth the name."""

    def experiment(_subject: object) -> Finding:
        raise NotImplementedError

    experiment.__module__ = f"made.up.{name}"
    like = REAL[number % len(REAL)]
    return Claim(
        sentence=f"Whatever one request stores, the next one reads, said for the {number}th time.",
        believed=like.believed,
        meaning=like.meaning,
        experiment=experiment,
        expected=on_each(
            cookie=Verdict.FAILS, filesystem=Verdict.HOLDS, redis=Verdict.HOLDS, stock=Verdict.HOLDS
        ),
        statements=(Statement(100 + number, "Session data is stored on the server."),)
        if of_document
        else (),
        sources=() if of_document else like.sources,
        try_it=like.try_it,
        decided_by=like.decided_by,
    )


def many_claims() -> dict[str, Claim]:
    """The document's and the field's, in their order, the real ones among the latter."""
    documents = [f"document_{number}" for number in range(OF_DOCUMENT - len(ASKED_FIRST[:-1]))]
    fields = [f"field_{number}" for number in range(OF_FIELD - len(REAL))]
    claims = [
        *(made_up(name, number, of_document=True) for number, name in enumerate(documents)),
        *(made_up(name, number, of_document=True) for number, name in enumerate(ASKED_FIRST[:-1])),
        *(made_up(name, number, of_document=False) for number, name in enumerate(fields)),
        *REAL,
    ]
    return {claim.id: claim for claim in claims}


def made_up_report(claims: dict[str, Claim]) -> Report:
    """What a run of all of them could have found out, one surprise and one error included."""
    pairs = [(claim, subject) for claim in claims.values() for subject in BACKENDS]
    results = [
        _result(claim, subject, _verdict(claim, subject, number), FIGURES[number % 4])
        for number, (claim, subject) in enumerate(pairs)
    ]
    circumstances = about(
        datetime(2026, 3, 1, tzinfo=UTC), 41.5, "Redis 8.0.2", "the laboratory's own"
    )
    return Report(circumstances, list(BACKENDS), results)


def _verdict(claim: Claim, subject: str, number: int) -> Verdict:
    if claim.id in ASKED_FIRST:
        return Verdict.FAILS if BACKENDS[subject].state == "browser" else Verdict.HOLDS
    return Verdict.ERROR if number == 42 else VERDICTS[(number // 5 * 2 + number) % 5]


def _result(claim: Claim, subject: str, verdict: Verdict, figure: str) -> Result:
    is_surprise = claim is REAL[1] and subject == "redis"
    has_evidence = verdict not in (Verdict.CANNOT_APPLY, Verdict.ERROR)
    return Result(
        claim.id,
        subject,
        verdict,
        Verdict.CANNOT_APPLY if is_surprise else verdict,
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
        )
        for number in range(8)
    ]
    return Evidence(exchanges, 4, [_holding(subject)] * 2)


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
