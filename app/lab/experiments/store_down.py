"""Stop the store for a while: the folder is gone, or Redis refuses connections."""

from app.lab.abilities import ON_SERVER, as_shipped
from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.outage import live_through
from app.lab.subject.application import Subject


def experiment(subject: Subject) -> Finding:
    begins, ends = "The store is taken away.", "The store is back."
    return live_through(subject, subject.store.stopped, begins, ends)


CLAIM = Claim(
    sentence="Without its store the application answers 503 within a second, public pages go on, "
    "nobody gets in and nobody is logged out.",
    believed="A cache that is down makes pages slower, so a session store that is down seems to be "
    "no worse. It is asked before every view, though, and its answer is who you are.",
    meaning="Where it fails, an outage of the store is one of everything: errors on every page, "
    "threads that wait, or users who are logged out without a word. A 503 with Retry-After tells "
    "browsers, proxies and people that nothing is lost.",
    experiment=experiment,
    unless={as_shipped: FAILS},
    topic=Topic.OUTAGE,
    stakes=Stakes.SERVICE,
    sources=("OWASP ASVS 5.0, 16.5.2", "OWASP ASVS 5.0, 16.5.3"),
    applies=ON_SERVER,
    try_it=(
        "Run `SESSION_BACKEND=filesystem make run`, and log in.",
        "Rename the folder instance/sessions/filesystem.",
        "Reload the dashboard, then the articles. Open devtools (F12), Network, and look at the "
        "status and at Retry-After.",
        "Give the folder its name back and reload: you are still in.",
        "Do the same with SESSION_BACKEND=flask-session-filesystem and its folder.",
    ),
)
