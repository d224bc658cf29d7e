"""Restart the application while somebody is logged in."""

from app.lab.claim import Claim, Finding, Statement
from app.lab.subject.application import Subject
from app.lab.subject.external_site import ExternalSite


def experiment(subject: Subject | ExternalSite) -> Finding:
    alice = subject.log_in_visitor()
    subject.restart()
    with subject.recorder.deciding():
        is_in = alice.is_logged_in
    if is_in:
        because = "Who was logged in before the restart was logged in after it."
        return Finding(True, "still logged in", because)
    return Finding(False, "logged out", "Who was logged in before the restart had to log in again.")


CLAIM = Claim(
    sentence="A restart of the application ends nobody’s session.",
    believed="A server that “maintains user state across multiple requests” is expected to do so "
    "over a new version too. Whoever has used a framework that keeps sessions in memory doubts it.",
    meaning="Where it fails, every deployment logs everybody out. It takes two things: the "
    "sessions lie outside the process, and the secret key stays the same. The Redis that is "
    "embedded in the process ends with it, so it is for trying things out only.",
    experiment=experiment,
    lost_with_process=True,
    statements=(Statement(190, "maintain user state across multiple requests", place=2),),
    try_it=(
        "Log in, and stop the application with Ctrl+C in its terminal.",
        "Start it again, and reload the dashboard. Are you still in?",
    ),
    over_http=True,
)
