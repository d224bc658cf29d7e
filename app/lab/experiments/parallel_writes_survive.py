"""Eight requests load the session before any of them saves it."""

from functools import partial
from threading import Barrier

from flask import session

from app.lab.abilities import flask_session_as_shipped, in_browser
from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.measuring import call_in_parallel
from app.lab.subject.application import Subject

REQUESTS = 8


def experiment(subject: Subject) -> Finding:
    alice = subject.log_in_visitor()
    all_have_loaded = Barrier(REQUESTS)

    def write(number: int) -> None:
        session.get("user")
        all_have_loaded.wait(timeout=10)
        session[f"key {number}"] = number

    call_in_parallel(*(partial(alice.run, partial(write, number)) for number in range(REQUESTS)))
    with subject.recorder.deciding():
        kept = alice.run(lambda: sum(name.startswith("key ") for name in session))
    return Finding(
        kept == REQUESTS,
        f"{kept} of {REQUESTS} keys kept",
        f"{REQUESTS} requests each wrote a key of their own at the same time; "
        f"{kept} of them were there afterwards.",
    )


CLAIM = Claim(
    sentence="Requests that write different keys at the same time lose none of them.",
    believed="Each request sets a key of its own, so none seems to be in another’s way. A page "
    "that loads several parts at once sends such requests all the time.",
    meaning="Where it fails, the session is written back whole: the last answer wins, and what "
    "the other requests wrote is gone without an error.",
    experiment=experiment,
    unless={in_browser: FAILS, flask_session_as_shipped: FAILS},
    topic=Topic.LOAD,
    stakes=Stakes.DATA,
    sources=("pallets-eco/flask-session #71, #149",),
    try_it=(
        "Log in, stay on the dashboard, and open devtools (F12) → Console.",
        "Send a note and a mug at the same time: `Promise.all([fetch('dashboard/note', {method: "
        "'POST', body: new URLSearchParams({note: 'both'})}), fetch('cart/add', {method: 'POST', "
        "body: new URLSearchParams({product: 'mug', quantity: 1})})])`.",
        "Reload the dashboard for the note, and open the cart for the mug. Are both there?",
        "Once is luck on a fast machine: do it ten times. There should be ten notes and ten mugs.",
    ),
)
