"""A session that is used every few minutes, all day."""

from math import ceil

from flask import session

from app.lab.abilities import as_shipped
from app.lab.claim import FAILS, Claim, Finding, Statement
from app.lab.measuring import in_or_out
from app.lab.subject.application import Subject, SubjectVisitor, can_rotate, rotate

MAX_PAUSE_SECONDS = 25 * 60
"""Less than the idle limit."""

MARGIN_SECONDS = 5 * 60
"""Before and after the absolute limit."""


def experiment(subject: Subject) -> Finding:
    limit = subject.app.config["SESSION_ABSOLUTE_SECONDS"]
    alice = subject.log_in_visitor()
    early = _is_in_after_use(subject, alice, limit - MARGIN_SECONDS)
    late = _is_in_after_use(subject, alice, 2 * MARGIN_SECONDS)
    before, after = map(_format_hours, (limit - MARGIN_SECONDS, limit + MARGIN_SECONDS))
    uses = "read, written to and rotated" if can_rotate(subject) else "read and written to"
    return Finding(
        early and not late,
        f"{in_or_out(early)} after {before}, {in_or_out(late)} after {after}",
        f"The limit is {limit // 3600} hours from the login. The session was {uses} at least "
        f"every {MAX_PAUSE_SECONDS // 60} minutes, and was {in_or_out(late)} {after} after it.",
    )


def _is_in_after_use(subject: Subject, visitor: SubjectVisitor, seconds: int) -> bool:
    uses = ceil(seconds / MAX_PAUSE_SECONDS)
    for _ in range(uses - 1):
        subject.advance_time(seconds / uses)
        _use(subject, visitor)
    subject.advance_time(seconds / uses)
    with subject.recorder.deciding():
        is_in = visitor.is_logged_in
    _use(subject, visitor)
    return is_in


def _use(subject: Subject, visitor: SubjectVisitor) -> None:
    visitor.get_private_page()
    visitor.run(_count_use)
    if can_rotate(subject):
        visitor.run(rotate)


def _count_use() -> None:
    session["used"] = session.get("used", 0) + 1


def _format_hours(seconds: int) -> str:
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


CLAIM = Claim(
    sentence="A session that is used all day ends too.",
    believed="“Proper session timeout” is mostly read as the idle limit. But a thief who asks for "
    "a page every few minutes never meets that one.",
    meaning="Where it fails, a stolen token that is kept in use is good for ever. Where it holds, "
    "everybody logs in again once in a while, and so must the thief. Flask "
    "and Flask-Session know of no such limit.",
    experiment=experiment,
    unless={as_shipped: FAILS},
    statements=(Statement(240, "Implement proper session timeout"),),
    try_it=(
        "Run `SESSION_IDLE_SECONDS=60 SESSION_ABSOLUTE_SECONDS=120 make run`.",
        "Log in, and reload the dashboard every half minute. You stay in, because you use it.",
        "Go on for more than two minutes. Are you still in?",
    ),
)
