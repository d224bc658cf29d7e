"""Log in with “Remember my name”, restart the browser, and open the login page."""

import time

from app.lab.claim import Claim, Finding, Statement
from app.lab.subject.application import ACCOUNT, Subject, SubjectVisitor
from app.web.formatting import format_duration


def experiment(subject: Subject) -> Finding:
    alice = subject.new_visitor()
    alice.post("/login", {**ACCOUNT, "remember": "y"})
    alice.reopen_browser()
    left = _find_lifetime(alice)
    with subject.recorder.deciding():
        remembered = f'value="{ACCOUNT["username"]}"' in alice.get("/login").text
    return Finding(
        remembered,
        f"name filled in, kept for {format_duration(round(left))}" if left else "forgotten",
        "The browser was closed and opened again after a login with “Remember my name”. "
        f"The login page {'had' if remembered else 'did not have'} the name in it.",
    )


def _find_lifetime(alice: SubjectVisitor) -> float:
    """The remaining seconds of the name's cookie; 0 if it did not survive the restart."""
    expires = {cookie.name: cookie.expires for cookie in alice.browser.jar}.get("remembered_name")
    return expires - time.time() if expires else 0


CLAIM = Claim(
    sentence="A cookie can outlive the browser, so a site can remember who was here.",
    believed="“Remember me” boxes are everywhere, and it is a cookie with an expiry date that "
    "makes them work. It needs no session.",
    meaning="Where it holds, a name or a preference is there at the next visit, whatever the "
    "session’s backend is. Here it is the name only: the password is still asked for.",
    experiment=experiment,
    statements=(
        Statement(199, "Lifespan: Can persist after browser closes"),
        Statement(209, 'Implement "Remember Me" functionality'),
    ),
    try_it=(
        "Log in with “Remember my name on this device” ticked.",
        "Close the browser whole, open it again, and go to the login page.",
        "Is the name filled in?",
    ),
    in_chromium=True,
)
