"""One session is unused and one is used for longer than the idle limit."""

from app.lab.abilities import flask_as_shipped
from app.lab.claim import FAILS, Claim, Finding, Statement
from app.lab.measuring import in_or_out
from app.lab.subject.application import Subject

MARGIN_SECONDS = 60
"""Before and after the limit: the clock of a real Redis goes on during the experiment."""


def experiment(subject: Subject) -> Finding:
    limit = subject.app.config["SESSION_IDLE_SECONDS"]
    early = _is_in_after(subject, limit - MARGIN_SECONDS)
    late = _is_in_after(subject, limit + MARGIN_SECONDS)
    in_use, copy = _use_beyond_limit(subject, limit)
    return Finding(
        early and in_use and not late,
        f"{in_or_out(early)} after {(limit - MARGIN_SECONDS) // 60} min, "
        f"{in_or_out(late)} after {(limit + MARGIN_SECONDS) // 60} min"
        f"{'' if in_use else '; out though in use'}",
        f"The limit is {limit // 60} minutes. Who used the session all the time was "
        f"{in_or_out(in_use)} after twice that; a copy of the token from the login was then "
        f"{in_or_out(copy)}.",
    )


def _is_in_after(subject: Subject, seconds: int) -> bool:
    alice = subject.log_in_visitor()
    subject.advance_time(seconds)
    with subject.recorder.deciding():
        return alice.is_logged_in


def _use_beyond_limit(subject: Subject, limit: int) -> tuple[bool, bool]:
    """Whether a used session, and its first token, outlive twice the limit."""
    alice = subject.log_in_visitor()
    first = alice.token
    for _ in range(3):
        subject.advance_time(limit / 2)
        alice.get_private_page()
    subject.advance_time(limit / 2)
    with subject.recorder.deciding():
        in_use = alice.is_logged_in
    return in_use, subject.logs_in_with(first)


CLAIM = Claim(
    sentence="A session that nobody uses ends by itself, and one in use goes on.",
    believed="“Implement proper session timeout” sounds like one number in the settings. Somebody "
    "who leaves a computer without logging out relies on it.",
    meaning="Where it holds, a forgotten login is over after the limit. On a store the limit is "
    "the session’s: whoever uses any copy of the token keeps it alive. On a signed cookie each "
    "copy has a limit of its own, from the moment when it was signed, whatever the others do. "
    "Flask’s own cookie fails though the limit is kept: it is signed again when something is "
    "written, so a session that is only read ends in the middle of its use.",
    experiment=experiment,
    unless={flask_as_shipped: FAILS},
    statements=(Statement(240, "Implement proper session timeout"),),
    try_it=(
        "Run `SESSION_IDLE_SECONDS=60 make run`.",
        "Log in, and reload the dashboard every half minute, for two minutes. You stay in.",
        "Leave it alone for more than a minute, then reload.",
        "The login page comes, and says that your session has ended.",
    ),
)
