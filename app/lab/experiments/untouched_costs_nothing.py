"""Count the store's operations for pages and files that do not use the session."""

from app.lab.abilities import ON_SERVER, as_shipped
from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.measuring import some
from app.lab.subject.application import Subject, count_operations

PATHS = ("/static/theme.js", "/static/favicon.svg", "/", "/articles", "/no-such-page")


def experiment(subject: Subject) -> Finding:
    alice = subject.log_in_visitor()
    asked = count_operations(subject, alice, lambda: [alice.get(path) for path in PATHS])
    kinds = ", ".join(f"{count} {name}" for name, count in sorted(asked.items()))
    return Finding(
        not asked,
        f"{some(asked.total(), 'operation')} for {len(PATHS)} requests",
        "Two static files, two public pages and an address without a page were asked for with the "
        f"cookie of a living session; the store was asked {some(asked.total(), 'time')}"
        f"{f' ({kinds})' if kinds else ''}.",
    )


CLAIM = Claim(
    sentence="A page or a file that does not use the session costs no store command.",
    believed="A view that never mentions the session seems to have nothing to do with it. But the "
    "browser sends the cookie with every request, for pictures and scripts too.",
    meaning="Where it fails, each picture and each script of a page asks the store, and with the "
    "store every one of them stops. Serve static files from elsewhere then.",
    experiment=experiment,
    price="asked",
    unless={as_shipped: FAILS},
    topic=Topic.LOAD,
    stakes=Stakes.COST,
    sources=("Django documentation, How to use sessions, “When sessions are saved”",),
    applies=ON_SERVER,
    try_it=(
        "Run `SESSION_BACKEND=flask-session-redis REDIS_URL=redis://localhost:6379/0 make run`, "
        "and `redis-cli monitor` beside it.",
        "Log in, and then open the articles.",
        "Does the monitor show a command for the page, for its scripts, for its pictures?",
        "Do the same with SESSION_BACKEND=redis.",
    ),
)
