"""Rotate a token while a slow request with the old one is under way."""

from app.lab.abilities import flask_as_shipped, flask_session_as_shipped, in_browser
from app.lab.claim import CANNOT_APPLY, FAILS, CannotApply, Claim, Finding, Stakes, Topic
from app.lab.subject.application import (
    SLOW_REQUESTS,
    Subject,
    can_rotate,
    rotate,
    run_slow_request,
)


def experiment(subject: Subject) -> Finding:
    if not can_rotate(subject):
        raise CannotApply("It cannot rotate a token.")
    alive = [kind for kind in SLOW_REQUESTS if _old_token_survives(subject, kind)]
    because = "The slow answers came after the rotation and undid nothing."
    if alive:
        where = f"where the slow request {', or '.join(alive)}"
        because = f"After the rotation another token than the new one logged in {where}."
    return Finding(not alive, f"old one alive after {len(alive)} of {len(SLOW_REQUESTS)}", because)


def _old_token_survives(subject: Subject, kind: str) -> bool:
    """Whether a token other than the rotated one logs in. Raises if that one does not."""
    alice = subject.log_in_visitor()
    old = alice.token

    def rotate_token() -> str:
        alice.run(rotate)
        return alice.token

    rotated = run_slow_request(alice, kind, rotate_token)
    if not subject.logs_in_with(rotated):
        raise RuntimeError("the rotated token logs nobody in")
    with subject.recorder.deciding():
        return any(subject.logs_in_with(token) for token in {old, alice.token} - {rotated})


CLAIM = Claim(
    sentence="A token that was rotated is dead even while another request with it is under way.",
    believed="regenerate() deletes the old session and gives a new token. That the old one is "
    "dead afterwards is what it is there for.",
    meaning="Where it fails on a store, a slow request files the session under its old token "
    "again, and may hand that one back to the browser. Rotating after a login or a confirmed "
    "password then protects nobody whose page was still loading. Flask’s own session has no id, "
    "and nothing that rotates a token, so it cannot be asked this.",
    experiment=experiment,
    unless={flask_as_shipped: CANNOT_APPLY, in_browser: FAILS, flask_session_as_shipped: FAILS},
    topic=Topic.LOGOUT,
    stakes=Stakes.ACCOUNT,
    sources=("OWASP ASVS 5.0, 7.2.4 and 15.4.2", "pallets-eco/flask-session #27"),
    try_it=(
        "Log in, and copy the value of the session’s cookie from devtools (F12), Application → "
        "Cookies.",
        "Open the page Account, and in its console send a new password and a hundred page loads at "
        "the same time: `Promise.all([fetch('account/password', {method: 'POST', body: new "
        "URLSearchParams({current: 'wonderland', new: 'looking glass'})}), ...[...Array(100)].map("
        "() => fetch('dashboard'))])`.",
        "A confirmed password rotates the token. Put the copied value back: double-click the value "
        "of the cookie in devtools.",
        "Open the dashboard. Are you in? It is a matter of milliseconds: try a few times. "
        "Change the password back afterwards.",
    ),
)
