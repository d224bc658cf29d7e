"""Two requests load a counter before either of them saves it."""

from threading import Barrier

from flask import session

from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.measuring import call_in_parallel
from app.lab.subject.application import Subject


def experiment(subject: Subject) -> Finding:
    alice = subject.log_in_visitor()
    both_have_loaded = Barrier(2)

    def increase() -> None:
        count = session.get("count", 0)
        both_have_loaded.wait(timeout=10)
        session["count"] = count + 1

    call_in_parallel(*[lambda: alice.run(increase)] * 2)
    with subject.recorder.deciding():
        counted = alice.run(lambda: session["count"])
    return Finding(
        counted == 2,
        f"{counted} of 2 counted",
        f"Two requests read the same number and added one to it; {counted} was there afterwards.",
    )


CLAIM = Claim(
    sentence="A counter that two requests increase at once counts both.",
    believed='session["count"] += 1 is one line, so it looks like one step. It is two: a read '
    "when the request begins, and a write when it ends.",
    meaning="Where it fails, do not count in the session. Count where adding is one step, in a "
    "database (UPDATE … SET count = count + 1) or in Redis (INCR), and keep in the session what "
    "a request knows without having read it: who is logged in, what was chosen.",
    experiment=experiment,
    expected=FAILS,
    topic=Topic.LOAD,
    stakes=Stakes.DATA,
    sources=("OWASP ASVS 5.0, 15.4.2", "CWE-362"),
    try_it=(
        "Log in, empty the cart, and open devtools (F12) → Console.",
        "Add two mugs at the same time: `const add = () => fetch('cart/add', {method: 'POST', "
        "body: new URLSearchParams({product: 'mug', quantity: 1})}); Promise.all([add(), add()])`.",
        "Open the cart. How many mugs are there? Once is luck on a fast machine: do it ten times.",
    ),
)
