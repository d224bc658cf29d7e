"""Visitors read pages, fill a cart and mistype a password, but never log in."""

from app.lab.abilities import ON_SERVER
from app.lab.claim import Claim, Finding, Stakes, Topic
from app.lab.measuring import some
from app.lab.subject.application import Subject

VISITORS = ("One guest’s browser", "Another guest’s browser")
PAGES = ("/", "/articles", "/articles/signed", "/cart", "/login", "/dashboard", "/no-such-page")


def experiment(subject: Subject) -> Finding:
    before = subject.store.records().keys()
    for name in VISITORS:
        _browse_as_guest(subject, name)
    left = len(subject.store.records().keys() - before)
    subject.recorder.note_decision(f"The records in the store are counted; new ones: {left}.")
    return Finding(
        left == 0,
        f"{some(left, 'record')} of {len(VISITORS)} visitors",
        f"{len(VISITORS)} visitors logged out, read pages, filled a guest’s cart, chose a theme "
        f"and failed to log in; afterwards the store held {some(left, 'record')} more.",
    )


def _browse_as_guest(subject: Subject, name: str) -> None:
    visitor = subject.new_visitor(name)
    visitor.log_out()  # first: later it would remove what the other requests leave
    for path in PAGES:
        visitor.get(path)
    visitor.post("/cart/add", {"product": "jar", "quantity": "2"})
    visitor.post("/preferences", {"theme": "dark"})
    visitor.post(subject.paths.login, {"username": "nobody", "password": "nothing"})
    visitor.get("/cart")


CLAIM = Claim(
    sentence="Visitors who do not log in leave no record in the store.",
    believed="A session is said to begin with the first visit. Then every crawler would leave a "
    "record, and the store would be full of nobody’s sessions.",
    meaning="Where it fails, whoever sends requests fills your store, and most of its records "
    "belong to nobody. Where it holds, a record is written only when something is put into the "
    "session.",
    experiment=experiment,
    topic=Topic.LOAD,
    stakes=Stakes.COST,
    sources=("OWASP ASVS 5.0, 7.6.2",),
    applies=ON_SERVER,
    try_it=(
        "Open a private window on the application, and devtools (F12), Application → Cookies.",
        "Read an article, put something into the cart, and do not log in.",
        "Which cookies are there? None of them is a session’s.",
        "Look into the folder of the sessions, or run `redis-cli --scan`: is anything new there?",
    ),
)
