"""Count the store's operations for many tokens that nobody issued."""

import secrets

from app.lab.abilities import ON_SERVER, as_shipped
from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.measuring import some
from app.lab.subject.application import Subject, count_operations

TOKENS_OF_EACH_KIND = 25


def experiment(subject: Subject) -> Finding:
    alice = subject.log_in_visitor()
    forged = _make_tokens(alice.token)
    asked = count_operations(
        subject,
        alice,
        lambda: [subject.request_with_token(token, actor="The forger") for token in forged],
    )
    cost = asked.total()
    return Finding(
        cost == 0,
        f"{some(cost, 'operation')} for {len(forged)} tokens",
        f"{len(forged)} made-up tokens were presented, among them changed ones of a living "
        f"session; the store was asked {some(cost, 'time')}.",
    )


def _make_tokens(issued: str) -> list[str]:
    return [
        token
        for _ in range(TOKENS_OF_EACH_KIND)
        for token in (
            secrets.token_urlsafe(16),
            secrets.token_urlsafe(32),
            f"{secrets.token_urlsafe(32)}.{secrets.token_urlsafe(32)}",
            issued[:-8] + secrets.token_urlsafe(6),
        )
    ]


CLAIM = Claim(
    sentence="A flood of made-up tokens never reaches the store.",
    believed="A token that the server did not issue opens nothing, so it seems to cost nothing. "
    "But somebody has to find out that it is unknown.",
    meaning="Where it fails, whoever sends made-up cookies makes your store work as hard as your "
    "users do. A signature tells a forgery in the application, before the store is asked.",
    experiment=experiment,
    unless={as_shipped: FAILS},
    topic=Topic.LOAD,
    stakes=Stakes.COST,
    sources=("OWASP Session Management Cheat Sheet, the session id is untrusted input",),
    applies=ON_SERVER,
    try_it=(
        "Run `SESSION_BACKEND=flask-session-redis REDIS_URL=redis://localhost:6379/0 make run`, "
        "and `redis-cli monitor` beside it.",
        "Log in, open devtools (F12), Application → Cookies, and change the last letters of the "
        "session’s cookie.",
        "Reload the dashboard. Does a command appear in the monitor?",
        "Do the same with SESSION_BACKEND=redis.",
    ),
)
