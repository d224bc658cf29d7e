"""Store personal data, and look for it in the browser's cookies."""

from flask import session

from app.lab.abilities import readable
from app.lab.claim import FAILS, Claim, Finding, Statement
from app.lab.measuring import read_token
from app.lab.subject.application import Subject

PERSONAL = {
    "email": "alice@example.org",
    "born": "1815-12-10",
    "address": "12 St James Square",
    "balance": "1852.11",
}


def experiment(subject: Subject) -> Finding:
    alice = subject.log_in_visitor()
    alice.run(lambda: session.update(PERSONAL))
    subject.snapshot(alice, "with personal data in the session")
    readable = "\n".join(read_token(cookie.value) for cookie in alice.browser.jar)
    found = [name for name, value in PERSONAL.items() if value in readable]
    read = ", ".join(found) or "none"
    subject.recorder.note_decision(
        "The browser’s cookies are decoded without a key, and searched for the values: "
        f"{read} found."
    )
    return Finding(
        not found,
        f"{len(found)} of {len(PERSONAL)} values read in the cookie",
        f"{len(PERSONAL)} values were put into the session, and whoever has the browser’s cookies "
        f"reads {read} of them there.",
    )


CLAIM = Claim(
    sentence="The data of a session is not visible to the client.",
    believed="Sessions are called the secure choice because the data stays on the server. Then "
    "nothing of it can be read in the browser.",
    meaning="Where it fails, the user and everybody who gets at the cookie reads the session: "
    "extensions, logs that hold headers, a shared computer.",
    experiment=experiment,
    unless={readable: FAILS},
    statements=(
        Statement(198, "Security: … More secure (data stays on server)", place=2),
        Statement(221, "Store sensitive information"),
        Statement(237, "Use sessions for sensitive data, cookies for preferences"),
    ),
    try_it=(
        "Log in, and write a note on the dashboard.",
        "Look at the inspector’s left side, “What the browser holds”.",
        "Can you read the note there?",
    ),
    in_chromium=True,
)
