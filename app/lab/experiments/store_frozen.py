"""Freeze the store for a while: it accepts connections, and answers nothing."""

from app.lab.abilities import BEHIND_A_SERVICE, as_shipped
from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.outage import live_through
from app.lab.subject.application import Subject


def experiment(subject: Subject) -> Finding:
    begins = "From now on the store takes requests and answers none."
    return live_through(subject, subject.store.frozen, begins, "The store answers again.")


CLAIM = Claim(
    sentence="With a store that hangs the application answers 503 within a second, public pages go "
    "on, nobody gets in and nobody is logged out.",
    believed="A server that is down is noticed at once, so waiting for one seems to be rare. But a "
    "machine that swaps, a disk that stalls and a network that drops packets all look like this.",
    meaning="Where it fails, each request waits for the store as long as the client library does, "
    "which can be a minute. As many requests as there are threads then stop the pages without a "
    "session, too.",
    experiment=experiment,
    unless={as_shipped: FAILS},
    topic=Topic.OUTAGE,
    stakes=Stakes.SERVICE,
    sources=("OWASP ASVS 5.0, 16.5.2",),
    applies=BEHIND_A_SERVICE,
    try_it=(
        "Run `SESSION_BACKEND=redis REDIS_URL=redis://localhost:6379/0 make run`, and log in.",
        "Freeze that Redis for half a minute: `redis-cli client pause 30000`.",
        "Reload the dashboard, then the articles. How long does each take?",
        "Do the same with SESSION_BACKEND=flask-session-redis.",
    ),
)
