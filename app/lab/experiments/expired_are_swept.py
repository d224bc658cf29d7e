"""Let sessions expire, and count what is left of them in the store."""

from app.lab.abilities import ON_SERVER, flask_session_in_files
from app.lab.claim import FAILS, Claim, Finding, Skipped, Stakes, Topic
from app.lab.stores.files import RECORDS_SHARE_FILES
from app.lab.subject.application import Subject, log_in_users
from backends.settings import longest_seconds
from backends.store import Sweeps

SESSIONS = 20


def experiment(subject: Subject) -> Finding:
    before = subject.store.records().keys()
    log_in_users(subject, SESSIONS)
    written = subject.store.records().keys() - before
    if len(written) < SESSIONS:
        raise Skipped(RECORDS_SHARE_FILES)
    # The list of a user's sessions lives as long as the longest of them may.
    subject.advance_time(1 + longest_seconds(subject.app))
    subject.log_in_visitor()
    _sweep(subject)
    left = len(written & subject.store.records().keys())
    subject.recorder.note_decision(
        f"The entries in the store are counted: {left} of those {len(written)} are left."
    )
    more = ", what finds them by their user included," if len(written) > SESSIONS else ""
    return Finding(
        left == 0,
        f"{left} of {len(written)} entries left",
        f"{SESSIONS} sessions ended by their age, somebody logged in, and the store was swept if "
        f"that is to be done. Of the {len(written)} entries that were made for them{more} {left} "
        "are left.",
    )


def _sweep(subject: Subject) -> None:
    """Do what `session-lab sessions sweep` does, if the store needs it."""
    store = getattr(subject.app.session_interface, "store", None)
    if isinstance(store, Sweeps):
        list(store.sweep())
        subject.recorder.note("The store is swept.")


CLAIM = Claim(
    sentence="Records of sessions that are over do not pile up.",
    believed="A session has an end, so it seems to be gone after it. But a file does not remove "
    "itself, and most people close the window instead of logging out.",
    meaning="Where it fails, the records of everybody who ever logged in lie there until somebody "
    "removes them, with what is in them. On files somebody must sweep; Redis forgets by itself.",
    experiment=experiment,
    unless={flask_session_in_files: FAILS},
    topic=Topic.LOAD,
    stakes=Stakes.COST,
    sources=("Django documentation, How to use sessions, “Clearing the session store”",),
    applies=ON_SERVER,
    try_it=(
        "Run `SESSION_BACKEND=filesystem SESSION_IDLE_SECONDS=5 make run`, log in, and wait six "
        "seconds: the dashboard sends you to the login.",
        "Look into instance/sessions/filesystem: the record is still there.",
        "Run `SESSION_BACKEND=filesystem .venv/bin/session-lab sessions sweep`, and look again.",
        "Do the same with SESSION_BACKEND=flask-session-filesystem, which has nothing to run.",
    ),
)
