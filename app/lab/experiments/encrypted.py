"""Store a card's number, and look for it in the cookie without the key."""

from flask import session

from app.lab.abilities import IN_BROWSER, readable
from app.lab.claim import FAILS, Claim, Finding, Statement
from app.lab.measuring import read_token
from app.lab.subject.application import Subject

NUMBER = "4111 1111 1111 1111"


def experiment(subject: Subject) -> Finding:
    alice = subject.log_in_visitor()
    alice.run(lambda: session.update(card=NUMBER))
    subject.snapshot(alice, "with a card’s number in the session")
    is_read = NUMBER in read_token(alice.token)
    subject.recorder.note_decision(
        "The cookie is decoded without the key, and searched for the number: "
        f"{'found' if is_read else 'not found'}."
    )
    if is_read:
        return Finding(
            False,
            f"read without the key: {NUMBER}",
            "Base64 and zlib are all that is around the data: anybody who has the cookie reads the "
            "number that was stored. The key signs it, and hides nothing.",
        )
    return Finding(
        True,
        "nothing read without the key",
        "Neither the cookie nor what its parts decode to shows the number that was stored.",
    )


CLAIM = Claim(
    sentence="Sessions are encrypted with the secret key.",
    believed="The cookie looks like noise, and it takes a SECRET_KEY to make one. Both are true of "
    "a signature as well: it proves who wrote the data, and hides none of it.",
    meaning="Where it fails, put nothing into the session that the user, or whoever copies the "
    "cookie, must not read. Signing keeps it from being changed, not from being read.",
    experiment=experiment,
    unless={readable: FAILS},
    statements=(
        Statement(100, "Sessions are encrypted and stored as cookies.", place=2),
        Statement(128, "automatically encrypted using the secret key", place=2),
    ),
    applies=IN_BROWSER,
    try_it=(
        "Log in on the signed cookie, and copy the value of session_cookie from devtools (F12), "
        "Application → Cookies.",
        "Run `.venv/bin/session-lab cookie decode` with that value, on any machine: it knows no "
        "key.",
        "Do you find your name?",
    ),
    in_chromium=True,
)
