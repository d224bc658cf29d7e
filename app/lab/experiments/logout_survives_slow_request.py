"""Log out while a slow request of the same browser is under way."""

from app.lab.abilities import flask_session_as_shipped, irrevocable
from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.subject.application import (
    ROTATES,
    SLOW_REQUESTS,
    Subject,
    can_rotate,
    run_slow_request,
)


def experiment(subject: Subject) -> Finding:
    kinds = (*SLOW_REQUESTS, ROTATES) if can_rotate(subject) else SLOW_REQUESTS
    alive = [kind for kind in kinds if _survives(subject, kind)]
    because = "The slow answers came after the logout and undid nothing."
    if alive:
        where = f"where the slow request {', or '.join(alive)}"
        because = f"After the logout there was a token that logs in {where}."
    return Finding(not alive, f"alive after {len(alive)} of {len(kinds)}", because)


def _survives(subject: Subject, kind: str) -> bool:
    """Whether the token from before the logout, or one of the slow response, logs in."""
    alice = subject.log_in_visitor()
    kept = alice.token
    run_slow_request(alice, kind, alice.log_out)
    with subject.recorder.deciding():
        return any(subject.logs_in_with(token) for token in (kept, alice.token) if token)


CLAIM = Claim(
    sentence="A logout is final even while another request of the same browser is under way.",
    believed="Whoever clicks “Log out” does not wait until the page has loaded everything. The "
    "session is deleted at once, so nothing should be left to come back.",
    meaning="Where it fails on a store, the slow request writes the session back that it had "
    "loaded, and the logout is undone without an error. A signed cookie stays valid with or "
    "without a slow request.",
    experiment=experiment,
    unless={irrevocable: FAILS, flask_session_as_shipped: FAILS},
    topic=Topic.LOGOUT,
    stakes=Stakes.ACCOUNT,
    sources=("OWASP ASVS 5.0, 7.4.1 and 15.4.2", "boj/redistore #2", "auth0/nextjs-auth0 #2335"),
    try_it=(
        "Log in, stay on the dashboard, and copy the value of the session’s cookie from devtools "
        "(F12), Application → Cookies.",
        "In the console send twenty page loads and a logout at the same time: `Promise.all(["
        "...Array(20)].map(() => fetch('dashboard')).concat(fetch('logout', {method: 'POST'})))`.",
        "Put the copied value back: double-click the value of the cookie, or the empty row below "
        "the list.",
        "Reload. Are you in? It is a matter of milliseconds: try a few times.",
    ),
)
