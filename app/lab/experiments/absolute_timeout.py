"""A session that is used every few minutes, all day."""

from math import ceil

from flask import session

from app.lab.claim import FAILS, HOLDS, Claim, Finding, Statement, on_each
from app.lab.measuring import in_or_out
from app.lab.subject.application import Subject, SubjectVisitor, can_rotate, rotate

PAUSE = 25 * 60
"""Seconds between two uses at most: less than the idle limit."""

MARGIN = 5 * 60
"""Seconds before and after the absolute limit."""


def experiment(subject: Subject) -> Finding:
    limit = subject.app.config["SESSION_ABSOLUTE_SECONDS"]
    ada = subject.log_in_visitor()
    early = _is_in_after_using_it(subject, ada, limit - MARGIN)
    late = _is_in_after_using_it(subject, ada, 2 * MARGIN)
    figure = (
        f"{in_or_out(early)} after {_hours(limit - MARGIN)}, "
        f"{in_or_out(late)} after {_hours(limit + MARGIN)}"
    )
    uses = "read, written to and rotated" if can_rotate(subject) else "read and written to"
    because = (
        f"The limit is {limit // 3600} hours from the login. The session was {uses} at least "
        f"every {PAUSE // 60} minutes, and was {in_or_out(late)} "
        f"{_hours(limit + MARGIN)} after it."
    )
    return Finding(early and not late, figure, because)


def _is_in_after_using_it(subject: Subject, visitor: SubjectVisitor, seconds: int) -> bool:
    uses = ceil(seconds / PAUSE)
    for _ in range(uses):
        subject.advance_time(seconds / uses)
        is_in = visitor.is_logged_in
        visitor.run(_write)
        if can_rotate(subject):
            visitor.run(rotate)
    return is_in


def _write() -> None:
    session["used"] = session.get("used", 0) + 1


def _hours(seconds: int) -> str:
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


CLAIM = Claim(
    sentence="A session that is used all day ends too.",
    believed="“Proper session timeout” is mostly read as the idle limit. But a thief who asks for "
    "a page every few minutes never meets that one.",
    meaning="Where it fails, a stolen token that is kept in use is good for ever. Where it holds, "
    "everybody logs in again once in a while, and so must the thief.",
    experiment=experiment,
    expected=on_each(cookie=HOLDS, filesystem=HOLDS, redis=HOLDS, stock=FAILS),
    statements=(Statement(240, "Implement proper session timeout"),),
    try_it=(
        "Start the application with SESSION_IDLE_SECONDS=60 SESSION_ABSOLUTE_SECONDS=120 before "
        "make run.",
        "Log in, and reload the dashboard every half minute. You stay in, because you use it.",
        "Go on for more than two minutes. Are you still in?",
    ),
)
