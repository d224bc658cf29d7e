"""Append to a list in the session without setting `session.modified`."""

from flask import session

from app.lab.abilities import flask_as_shipped
from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.subject.application import Subject, SubjectVisitor


def experiment(subject: Subject) -> Finding:
    alice = _append_in_place(subject)
    with subject.recorder.deciding():
        by_default = _is_kept(alice)
    subject.restart(SESSION_REFRESH_EACH_REQUEST=False)
    without = _is_kept(_append_in_place(subject))
    first, second = ("kept" if kept else "lost" for kept in (by_default, without))
    return Finding(
        by_default,
        f"{first}; without refresh {second}",
        f'session["cart"].append(…) was {first} with Flask’s default, and {second} with '
        "SESSION_REFRESH_EACH_REQUEST off.",
    )


def _append_in_place(subject: Subject) -> SubjectVisitor:
    """A visitor whose request appended to a list in the session."""
    alice = subject.log_in_visitor()
    alice.run(lambda: session.update(cart=["a mug"]))
    alice.run(lambda: session["cart"].append("a jar"))
    return alice


def _is_kept(alice: SubjectVisitor) -> bool:
    cart: list[str] = alice.run(lambda: session["cart"])
    return cart == ["a mug", "a jar"]


CLAIM = Claim(
    sentence='A change deep inside the session is kept: session["cart"].append(…).',
    believed="The session looks like a dict, and in a dict a list can be changed in place. Flask’s "
    "documentation asks for session.modified = True, and whoever has not read it finds out late.",
    meaning="Where it fails, such a change is lost without an error, on some requests and not on "
    "others. Flask-Session keeps it only because it writes every session back on every request; "
    "with SESSION_REFRESH_EACH_REQUEST off it overlooks the change as Flask’s own cookie does.",
    experiment=experiment,
    unless={flask_as_shipped: FAILS},
    topic=Topic.OPERATIONS,
    stakes=Stakes.DATA,
    sources=("Flask’s documentation, flask.session.modified",),
    try_it=(
        'In a Flask application of your own say `session["cart"] = []` in one view and '
        '`session["cart"].append(1)` in another; the pages of this one say `session.modified` too.',
        'Install a backend with `init_app(app, "cookie")` from the package backends, and without.',
        "Open the first page, then the second one twice. How many are in the list?",
    ),
)
