"""Log in with a token in the browser that belongs to no session."""

import secrets

from app.lab.abilities import ON_SERVER
from app.lab.claim import Claim, Finding, Stakes, Topic
from app.lab.subject.application import Subject


def experiment(subject: Subject) -> Finding:
    alice = subject.log_in_visitor()
    ended = alice.token
    alice.log_out()
    unknown = (secrets.token_urlsafe(32), f"{ended[1:]}x", ended)
    adopted = [token for token in unknown if _is_adopted(subject, token)]
    return Finding(
        not adopted,
        f"{len(adopted)} of {len(unknown)} adopted",
        "A made-up token, a changed one and one of an ended session were each in a browser that "
        f"logged in. {len(adopted)} of the {len(unknown)} became the session of that login.",
    )


def _is_adopted(subject: Subject, token: str) -> bool:
    alice = subject.new_visitor()
    alice.plant_token(token)
    with subject.recorder.deciding():
        alice.log_in()
        return alice.token == token or subject.logs_in_with(token)


CLAIM = Claim(
    sentence="An id that the server has not issued, or has ended, is never taken for a session.",
    believed="A cookie comes from the browser, so anybody can write anything into it. A server "
    "that begins a session under whatever id it is given makes fixation easy.",
    meaning="Where it fails, an attacker needs no session of their own to plant: they think of an "
    "id. PHP called it “permissive”, and Flask-Session before 0.7 did the same.",
    experiment=experiment,
    topic=Topic.THEFT,
    stakes=Stakes.ACCOUNT,
    sources=("OWASP Session Management Cheat Sheet, strict", "pallets-eco/flask-session #212"),
    applies=ON_SERVER,
    try_it=(
        "Log out. In devtools (F12), Application → Cookies, add a cookie with the name that the "
        "session’s cookie had and a value of your own: double-click the empty row below the list.",
        "Log in, and look at the value again. Is it still yours?",
    ),
)
