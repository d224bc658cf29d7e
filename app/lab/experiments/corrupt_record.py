"""A session is damaged: its owner should get a fresh one, not an error."""

import re
from collections.abc import Callable
from random import Random

from app.lab.abilities import flask_session_as_shipped
from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.subject.application import ACCOUNT, Subject, SubjectVisitor

GREETING = f"Welcome {ACCOUNT['username']}!"
"""Stands on the private page of its owner."""

INVALID_IN_COOKIE = re.compile(rb"[^\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]")
"""Octets that a cookie's value cannot have (RFC 6265bis, 4.1.1)."""


def _make_flip(part: float, bit: int) -> Callable[[bytes], bytes]:
    def flip(data: bytes) -> bytes:
        place = int(part * (len(data) - 1))
        return data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :] if data else data

    return flip


DAMAGES: tuple[Callable[[bytes], bytes], ...] = (
    lambda data: b"",
    lambda data: data[:3],
    lambda data: data[: len(data) // 2],
    lambda data: data[:-1],
    *(_make_flip(part, bit) for part in (0, 0.2, 0.4, 0.6, 0.8, 1) for bit in (0x01, 0x80)),
    lambda data: Random(1).randbytes(len(data)),  # noqa: S311 - the same damage in each run
)
"""Cut off, with one bit flipped, and replaced."""


def experiment(subject: Subject) -> Finding:
    harmless = sum(_is_harmless(subject, damage) for damage in DAMAGES)
    return Finding(
        harmless == len(DAMAGES),
        f"{harmless} of {len(DAMAGES)} harmless",
        f"A session was damaged in {len(DAMAGES)} ways. After {harmless} of them its owner got a "
        "fresh session or the right data, and after the others an error or wrong data.",
    )


def _is_harmless(subject: Subject, damage: Callable[[bytes], bytes]) -> bool:
    """Whether pages and a new login work in the browser with the damaged session."""
    alice = subject.log_in_visitor()
    _damage(subject, alice, damage)
    with subject.recorder.deciding():
        private = alice.get_private_page()
        others = [alice.get("/cart"), alice.get("/articles")]
        login = alice.post(subject.paths.login, subject.paths.fields)
        is_right = private.status != 200 or GREETING in private.text
        answered = all(answer.status < 400 for answer in (private, *others, login))
        return answered and is_right and alice.is_logged_in


def _damage(subject: Subject, alice: SubjectVisitor, damage: Callable[[bytes], bytes]) -> None:
    if subject.backend.state == "browser":
        alice.plant_token(INVALID_IN_COOKIE.sub(b"", damage(alice.token.encode())).decode())
        return
    for name in subject.store.records():
        subject.store.corrupt(name, damage)
        subject.recorder.note("The bytes of a record are changed.")


CLAIM = Claim(
    sentence="A damaged record is a fresh session, and not an error.",
    believed="What was stored comes back as it was, or not at all. Nobody thinks of a disk that "
    "loses a block, a dump that was cut off, or an older version’s format.",
    meaning="Where it fails, one visitor gets an error on every page, the login and the logout "
    "among them, until they delete their cookies. They do not know that, and neither does your "
    "support.",
    experiment=experiment,
    unless={flask_session_as_shipped: FAILS},
    topic=Topic.OUTAGE,
    stakes=Stakes.SERVICE,
    sources=("OWASP ASVS 5.0, 16.5.3",),
    try_it=(
        "Run `SESSION_BACKEND=filesystem make run`, and log in.",
        "Find the session’s file, the only one below instance/sessions/filesystem that is not "
        "empty, delete a letter in it with an editor, and save it.",
        "Reload the dashboard: it asks you to log in, and the login works.",
        "Do the same with SESSION_BACKEND=flask-session-redis and a REDIS_URL of your own: "
        "`redis-cli setrange KEY 0 broken`. Which pages still answer?",
    ),
)
