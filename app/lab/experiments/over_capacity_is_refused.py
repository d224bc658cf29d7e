"""Store more than a cookie holds, and check the response and the browser."""

from flask import session

from app.lab.abilities import IN_BROWSER, flask_as_shipped
from app.lab.claim import FAILS, Claim, Finding, Statement
from app.lab.measuring import make_random_text
from app.lab.subject.application import Subject
from app.web.formatting import format_number

CHARACTERS = 5000


def experiment(subject: Subject) -> Finding:
    alice = subject.log_in_visitor()
    before = alice.token
    data = make_random_text(CHARACTERS)
    with subject.recorder.deciding():
        answer = alice.attempt(lambda: session.update(data=data))
    dropped = "; ".join(refused.reason for refused in answer.refused)
    kept = "keeps the session as it was" if alice.token == before else "holds another session"
    browser = f"drops the new cookie and {kept}" if dropped else kept
    return Finding(
        answer.status >= 400 and alice.token == before,
        f"{answer.status}, the browser {browser}",
        f"{format_number(CHARACTERS)} random characters were answered with status {answer.status}, "
        f"and the browser {browser}{f': {dropped}' if dropped else ''}.",
    )


CLAIM = Claim(
    sentence="A session that is too large for its cookie is refused, not lost.",
    believed="Whoever stores too much expects an error, as from a full disk. A browser gives none: "
    "it ignores a cookie of more than 4096 bytes without a word to anybody.",
    meaning="Where it fails, the request succeeds, and what it stored is gone with the next one. "
    "No error page and no status says so.",
    experiment=experiment,
    unless={flask_as_shipped: FAILS},
    statements=(Statement(197, "Storage Capacity: Limited (~4KB per cookie)"),),
    applies=IN_BROWSER,
    try_it=(
        "Log in on the signed cookie, and open devtools (F12) → Network.",
        "Press “Add 5 KB” on the dashboard.",
        "Which status does the answer have, and are you still logged in?",
        "Do the same with SESSION_BACKEND=flask-cookie, Flask’s own session. What says that the "
        "5 KB are not there?",
    ),
    in_chromium=True,
)
