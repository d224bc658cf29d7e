"""A request reads the session, and before it ends another one writes to it."""

from flask import session

from app.lab.abilities import flask_as_shipped, flask_session_as_shipped, in_browser
from app.lab.claim import FAILS, HOLDS, Claim, Finding, Stakes, Topic
from app.lab.subject.application import Subject

AGES = (0, 600)
"""Seconds since the last use of the session. After ten minutes a read has to prolong it."""


def experiment(subject: Subject) -> Finding:
    kept = sum(_is_kept(subject, age) for age in AGES)
    return Finding(
        kept == len(AGES),
        f"{kept} of {len(AGES)} writes kept",
        "A request only read the session while another wrote to it, once just after the login and "
        f"once {AGES[-1] // 60} minutes later. {kept} of the {len(AGES)} writes were there "
        "afterwards.",
    )


def _is_kept(subject: Subject, age: int) -> bool:
    alice = subject.log_in_visitor()
    subject.advance_time(age)

    def read() -> None:
        session.get("user")
        alice.run(lambda: session.update(written=True))

    alice.run(read)
    with subject.recorder.deciding():
        return alice.run(lambda: "written" in session)


CLAIM = Claim(
    sentence="A request that only reads never erases what another one writes.",
    believed="Reading changes nothing: that is what the word means. So pages that load beside a "
    "form that is sent should be harmless.",
    meaning="Where it fails, a page that was still loading brings the state from before the click "
    "back, and nobody finds out why now and then a click does nothing. Flask’s own cookie keeps "
    "the write because a read never signs it again, unless the session is permanent. The price is "
    "that a session that is only read ends in the middle of its use.",
    experiment=experiment,
    unless={flask_as_shipped: HOLDS, in_browser: FAILS, flask_session_as_shipped: FAILS},
    topic=Topic.LOAD,
    stakes=Stakes.DATA,
    sources=("pallets-eco/flask-session #71, #149",),
    try_it=(
        "Log in, stay on the dashboard, and open devtools (F12) → Console.",
        "Send a note amid twenty page loads: `const load = () => fetch('dashboard'); Promise.all("
        "[...Array(10)].map(load).concat(fetch('dashboard/note', {method: 'POST', body: new "
        "URLSearchParams({note: 'kept?'})}), [...Array(10)].map(load)))`.",
        "Reload the dashboard. Is the note there? Do it a few times, once after waiting for five "
        "minutes.",
    ),
)
