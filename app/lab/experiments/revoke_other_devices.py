"""End a phone's session from the laptop of the same user."""

from app.lab.abilities import flask_session_as_shipped, irrevocable
from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.measuring import in_or_out
from app.lab.subject.application import Subject

ROW = "data-handle="
"""Stands on the page of sessions once for each."""


def experiment(subject: Subject) -> Finding:
    laptop = subject.log_in_visitor("Alice’s laptop")
    phone = subject.log_in_visitor("Alice’s phone")
    with subject.recorder.deciding():
        listed = laptop.get("/sessions").text.count(ROW)
    laptop.post("/sessions/end-others")
    with subject.recorder.deciding():
        stays, other = laptop.is_logged_in, phone.is_logged_in
    return Finding(
        listed == 2 and stays and not other,
        f"{listed} listed, the other {'alive' if other else 'dead'}",
        f"The page listed {listed} of 2 sessions. After “End all others” the laptop was "
        f"{in_or_out(stays)} and the phone {in_or_out(other)}.",
    )


CLAIM = Claim(
    sentence="Users can see all their sessions and end the others.",
    believed="Large sites have such a page, and a lost phone is a good reason to want it. The "
    "server should know who is logged in where.",
    meaning="Where it fails, nobody can say which sessions of a user there are, and none can be "
    "ended from elsewhere. This application helps itself there with a number in the account: "
    "whoever changes the password ends all others at once, but sees none of them.",
    experiment=experiment,
    unless={irrevocable: FAILS, flask_session_as_shipped: FAILS},
    topic=Topic.LOGOUT,
    stakes=Stakes.ACCOUNT,
    sources=("OWASP ASVS 5.0, 7.5.2",),
    try_it=(
        "Log in, and log in once more in a private window: that is the other device.",
        "Open the page Sessions in the first window. How many does it list?",
        "Choose “End all others”, where there is such a button.",
        "Reload the dashboard in the private window. Are you still in?",
    ),
)
