"""Write a pickle into the store, and check whether the application executes it."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.lab.abilities import ON_SERVER, as_shipped
from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.measuring import some
from app.lab.subject.application import Subject

NEVER_EXPIRES = bytes(4)
"""What cachelib writes before its pickle: the second of its expiry, 0 for never."""


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.trace,)


def experiment(subject: Subject) -> Finding:
    trace = subject.folder / "executed"
    trap = pickle.dumps(Trap(trace))
    statuses = [
        status
        for in_values in (False, True)
        for planted in (trap, NEVER_EXPIRES + trap)
        for status in _visit_with_pickle(subject, planted, in_values=in_values)
    ]
    executed, broken = trace.exists(), sum(status >= 500 for status in statuses)
    return Finding(
        not executed,
        "executed" if executed else f"not executed, {some(broken, 'error')}",
        "A pickle was planted in the place of every record, as a file, a string and a value: it "
        f"was {'executed' if executed else 'not executed'} when the session’s owner came back, "
        f"and {broken} of {len(statuses)} requests were answered with an error.",
    )


def _visit_with_pickle(subject: Subject, planted: bytes, *, in_values: bool) -> list[int]:
    """The statuses of a visitor's pages after their record, or each value in it, was replaced."""
    alice = subject.log_in_visitor()
    for name in subject.store.records():
        if in_values:
            subject.store.corrupt(name, lambda _: planted)
            subject.recorder.note("The bytes of a record are changed.")
        else:
            subject.store.overwrite(name, planted)
            subject.recorder.note("Other bytes are put in the place of a record.")
    with subject.recorder.deciding():
        return [alice.get_private_page().status, alice.get("/cart").status]


CLAIM = Claim(
    sentence="A pickle planted in the store is not executed.",
    believed="What comes out of the store is what the application wrote into it, so reading it "
    "seems safe. But a shared Redis or a writable folder lets others write there as well.",
    meaning="Where it fails, whoever can write one record runs their own code inside your "
    "application. Where it holds, the worst that they can do is to end or to forge a session.",
    experiment=experiment,
    unless={as_shipped: FAILS},
    topic=Topic.THEFT,
    stakes=Stakes.ACCOUNT,
    sources=("OWASP ASVS 5.0, 1.5.2",),
    applies=ON_SERVER,
    try_it=(
        "Run `SESSION_BACKEND=flask-session-filesystem make run`, and log in.",
        'Write a trap over the session: `.venv/bin/python -c "import pathlib, pickle; T = '
        "type('T', (), {'__reduce__': lambda self: (print, ('executed',))}); "
        "[f.write_bytes(bytes(4) + pickle.dumps(T())) for f in "
        "pathlib.Path('instance/sessions/flask-session-filesystem').iterdir()]\"`.",
        "Reload the dashboard. What does the terminal of the application print?",
    ),
)
