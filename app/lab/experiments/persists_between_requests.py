"""Store values in one request, and read them in the next."""

from typing import Any

from flask import session

from app.lab.claim import Claim, Finding, Statement
from app.lab.subject.application import Subject

VALUES: dict[str, Any] = {
    "text": "Grüße",
    "count": 7,
    "price": 14.9,
    "agreed": True,
    "nothing": None,
    "cart": {"jar": 2, "tea": [1, 2, 3]},
}


def experiment(subject: Subject) -> Finding:
    alice = subject.log_in_visitor()
    alice.run(lambda: session.update(VALUES))
    with subject.recorder.deciding():
        read = alice.run(lambda: {name: session.get(name, "gone") for name in VALUES})
    back = sum(read[name] == value for name, value in VALUES.items())
    return Finding(
        back == len(VALUES),
        f"{back} of {len(VALUES)} values back",
        f"One request stored {len(VALUES)} values, and the next one read {back} of them.",
    )


CLAIM = Claim(
    sentence="What one request stores in the session the next one reads.",
    believed="It is what a session is for: HTTP itself remembers nothing from one request to the "
    "next. Everything else here rests on it.",
    meaning="Where it fails, there is no session: nobody stays logged in, and every form begins "
    "anew.",
    experiment=experiment,
    statements=(
        Statement(128, "Sessions persist data between requests"),
        Statement(190, "maintain user state across multiple requests", place=2),
        Statement(225, "Handle multi-step processes (wizards, checkouts)"),
    ),
    try_it=(
        "Log in, and write a note on the dashboard.",
        "Open another page, and come back to the dashboard.",
        "Is the note still there?",
    ),
    in_chromium=True,
)
