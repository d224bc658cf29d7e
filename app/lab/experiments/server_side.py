"""Store a thousand characters, and measure which side holds them."""

from flask import session

from app.lab.abilities import in_browser
from app.lab.claim import FAILS, Claim, Finding, Statement
from app.lab.measuring import make_random_text
from app.lab.subject.application import Subject, SubjectVisitor
from app.web.formatting import format_number

CHARACTERS = 1000
MIN_CONTENT_BYTES = CHARACTERS * 6 // 8
"""These characters are base64: they cannot be compressed further."""

VISITORS = 20
"""Enough to show in a store that grows by pages, as databases do."""


def experiment(subject: Subject) -> Finding:
    alice = _store_data(subject)
    subject.snapshot(alice, "with the data in the session")
    for _ in range(VISITORS - 1):
        _store_data(subject)
    in_browser = alice.cookie_bytes
    on_server = sum(map(len, subject.store.records().values())) // VISITORS
    browser_bytes, server_bytes = format_number(in_browser), format_number(on_server)
    subject.recorder.note_decision(
        f"The bytes of a session are counted on both sides: {browser_bytes} in the browser, "
        f"{server_bytes} on the server."
    )
    return Finding(
        in_browser < MIN_CONTENT_BYTES <= on_server,
        f"{browser_bytes} bytes in the browser, {server_bytes} on the server",
        f"{format_number(CHARACTERS)} characters were put into each of {VISITORS} sessions: for "
        f"one of them the browser then held {browser_bytes} bytes, and the server {server_bytes}.",
    )


def _store_data(subject: Subject) -> SubjectVisitor:
    visitor = subject.log_in_visitor()
    data = make_random_text(CHARACTERS)
    visitor.run(lambda: session.update(data=data))
    return visitor


CLAIM = Claim(
    sentence="Session data is stored on the server.",
    believed="It is how sessions are told from cookies in most texts, Flask’s among them. Flask’s "
    "own session is a signed cookie, though, so it depends on the backend.",
    meaning="Where it fails, the cookie is the session: it takes its bytes along with every "
    "request, whoever holds it can read it, and the server cannot take it back.",
    experiment=experiment,
    unless={in_browser: FAILS},
    statements=(
        Statement(100, "Provides server-side session management"),
        Statement(190, "Sessions are server-side storage mechanisms"),
        Statement(196, "Storage Location: … Server-side", place=2),
        Statement(222, "Maintain server-side state for complex workflows"),
    ),
    try_it=(
        "Log in, and note how many bytes the inspector shows on each side.",
        "Write a note of 200 characters on the dashboard.",
        "Which side has become larger?",
    ),
)
