"""Store values of six types in the session, and read them in the next request."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import session
from markupsafe import Markup

from app.lab.abilities import flask_as_shipped, flask_session_in_redis
from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.subject.application import Subject, SubjectVisitor, ViewFailed

VALUES = {
    "tuple": (1, "two"),
    "bytes": b"\x00\xff",
    "datetime with a zone": datetime(2027, 1, 15, 8, 0, 0, 123456, UTC),
    "datetime without one": datetime(2027, 1, 15, 8, 0, 0, 123456),
    "UUID": UUID("12345678-1234-5678-1234-567812345678"),
    "Markup": Markup("<em>bold</em>"),
}


def experiment(subject: Subject) -> Finding:
    alice = subject.log_in_visitor()
    changed = [name for name, value in VALUES.items() if not _comes_back(alice, value)]
    figure = f"{len(VALUES) - len(changed)} of {len(VALUES)} types"
    if changed:
        return Finding(False, figure, f"Not as it was, or refused: {', '.join(changed)}.")
    because = "Each came back as it was, with its type, its zone and its microseconds."
    return Finding(True, figure, because)


def _comes_back(alice: SubjectVisitor, value: Any) -> bool:
    try:
        with alice.site.recorder.deciding():
            alice.run(lambda: session.update(value=value))
            back = alice.run(lambda: session["value"])
    except ViewFailed:
        return False
    return type(back) is type(value) and bool(back == value)


CLAIM = Claim(
    sentence="What is put into the session comes back as it was: tuple, bytes, datetime, UUID, "
    "Markup.",
    believed='session["since"] = datetime.now() raises no error, so it seems to work. The next '
    "request should find what this one left.",
    meaning="Where it fails, a value comes back as another type, or the page is an error 500: an "
    "application that worked on one backend breaks on the other. Files of Flask-Session keep every "
    "type because they are pickles, which run code when somebody plants one. Flask’s own cookie "
    "drops a datetime’s microseconds, and gives one without a zone the zone UTC.",
    experiment=experiment,
    unless={flask_as_shipped: FAILS, flask_session_in_redis: FAILS},
    topic=Topic.OPERATIONS,
    stakes=Stakes.DATA,
    sources=("pallets-eco/flask-session #255, #272",),
    try_it=(
        "Log in and write a note: it holds the time as a datetime.",
        "Reload the dashboard, and look at the note in the inspector: how does the time lie there?",
        "Upload a small file on the page Uploads: its content is bytes. Download it and compare.",
    ),
)
