"""One user logs in, and then five hundred others."""

from app.lab.abilities import flask_session_in_files
from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.subject.application import Subject, log_in_users

OTHERS = 501


def experiment(subject: Subject) -> Finding:
    alice = subject.log_in_visitor()
    subject.advance_time(1)  # now it is the oldest session
    log_in_users(subject, OTHERS)
    with subject.recorder.deciding():
        alive = alice.is_logged_in
    state = "still logged in" if alive else "logged out"
    return Finding(
        alive,
        f"{state} after {OTHERS} others",
        f"Alice logged in, and {OTHERS} others did so after her; that session is {state}.",
    )


CLAIM = Claim(
    sentence="The 501st login after yours does not end your session.",
    believed="A session is said to end by a logout or by its age. That there is room for only so "
    "many is known of caches, and nobody thinks of a session store as one.",
    meaning="Where it fails, your users are logged out by the number of your visitors, without an "
    "error anywhere. The threshold of 500 files is a default that can be raised, at a price.",
    experiment=experiment,
    price="growth",
    unless={flask_session_in_files: FAILS},
    topic=Topic.LOAD,
    stakes=Stakes.SERVICE,
    sources=("Flask-Session documentation, SESSION_FILE_THRESHOLD",),
    try_it=(
        "Run `SESSION_BACKEND=flask-session-filesystem make run`, log in, and wait a second: "
        "cachelib counts ages in whole ones.",
        "In a terminal log in 501 more times, which takes a minute: `for i in $(seq 501); do curl "
        "-s -o /dev/null -d 'username=bob&password=builder' -H 'Sec-Fetch-Site: same-origin' "
        "http://127.0.0.1:5000/login; done`.",
        "Reload the dashboard. Are you in?",
    ),
)
