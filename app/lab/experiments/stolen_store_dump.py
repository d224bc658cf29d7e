"""A thief tries everything in a copy of the store as a token."""

import re

from app.lab.abilities import ON_SERVER, flask_session_in_redis
from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.subject.application import Subject

TOKEN_LIKE = re.compile(rb"[A-Za-z0-9._~=+-]{16,}")
"""Valid in a cookie, and long enough for an id."""


def experiment(subject: Subject) -> Finding:
    subject.log_in_visitor()
    dump = subject.store.records()
    tried = sorted({token for name, data in dump.items() for token in _find_tokens(name, data)})
    with subject.recorder.deciding():
        working = sum(subject.logs_in_with(token, "The thief") for token in tried)
    return Finding(
        working == 0,
        f"{working} of {len(tried)} work",
        f"Somebody logged in, and in a copy of the store {len(tried)} texts could be a token; "
        f"{working} of them logged in.",
    )


def _find_tokens(name: str, data: bytes) -> set[str]:
    """The parts of a record that could be a token, with or without a prefix."""
    words = {
        word.decode() for word in (*TOKEN_LIKE.findall(name.encode()), *TOKEN_LIKE.findall(data))
    }
    return words | {
        word[cut.end() :] for word in words for cut in re.finditer(r"[^A-Za-z0-9]", word)
    }


CLAIM = Claim(
    sentence="A copy of the store holds no token that works.",
    believed="Backups and dumps of a session store are handled like those of a cache. Nobody "
    "expects them to open an account.",
    meaning="Where it fails, whoever reads a backup, a replica or the output of a debugging "
    "command is logged in as every user. Where it holds, the store knows only a hash of each id.",
    experiment=experiment,
    unless={flask_session_in_redis: FAILS},
    topic=Topic.THEFT,
    stakes=Stakes.ACCOUNT,
    sources=("OWASP Session Management Cheat Sheet, Session ID Content (or Value)",),
    applies=ON_SERVER,
    try_it=(
        "Run `SESSION_BACKEND=flask-session-redis REDIS_URL=redis://localhost:6379/0 make run`, "
        "log in, and run `redis-cli --scan`.",
        "Compare what stands behind the prefix of a key with the value of the session’s cookie.",
        "In a private window add the cookie by hand with that text as its value, and open the "
        "dashboard.",
    ),
)
