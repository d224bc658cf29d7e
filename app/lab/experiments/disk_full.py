"""Without room on the disk, the application must not report what it did not do."""

from flask import session

from app.lab.abilities import IN_FILES, as_shipped
from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.subject.application import Subject


def experiment(subject: Subject) -> Finding:
    alice, leaving = subject.log_in_visitor(), subject.log_in_visitor()
    coming = subject.new_visitor()
    left = leaving.token
    alice.get("/no-such-page")  # what the application writes at its first error is written now
    with subject.store.disk_full(), subject.recorder.deciding():
        subject.recorder.note("From now on nothing can be written: the disk is full.")
        login = coming.post(subject.paths.login, subject.paths.fields)
        note = alice.post("/dashboard/note", {"note": "on a full disk"})
        logout = leaving.log_out()
    subject.recorder.note("There is room on the disk again.")
    with subject.recorder.deciding():
        outcomes = {
            "login": (login.status < 400, coming.is_logged_in),
            "note": (note.status < 400, alice.run(lambda: "notes" in session)),
            "logout": (logout.status < 400, not subject.logs_in_with(left)),
        }
        whole = alice.is_logged_in and subject.log_in_visitor().is_logged_in
    untrue = [what for what, (said, done) in outcomes.items() if said and not done]
    refused = [what for what, (said, _) in outcomes.items() if not said]
    return Finding(
        not untrue and whole,
        f"{len(outcomes) - len(untrue)} of {len(outcomes)} answers true"
        f"{'' if whole else '; sessions broken'}",
        "On a full disk somebody logged in, wrote a note and logged out. Refused: "
        f"{', '.join(refused) or 'nothing'}; said to be done, and not done: "
        f"{', '.join(untrue) or 'nothing'}. Afterwards "
        f"{'all was as before' if whole else 'sessions were broken'}.",
    )


CLAIM = Claim(
    sentence="A session that cannot be written is an error, and not a silent logout.",
    believed="Whatever the page says was done, was done. An application that answers a login by "
    "the dashboard seems to have stored it.",
    meaning="Where it fails, users log in and are not in, and nothing in the answers says why. "
    "Where it holds, the page is a 503, the browser keeps what it had, and somebody is called.",
    experiment=experiment,
    unless={as_shipped: FAILS},
    topic=Topic.OUTAGE,
    stakes=Stakes.DATA,
    sources=("OWASP ASVS 5.0, 16.5.3",),
    applies=IN_FILES,
    try_it=(
        "Make a small disk: `mkdir /tmp/small; sudo mount -t tmpfs -o size=1m,uid=$(id -u) tmpfs "
        "/tmp/small`.",
        "Run `SESSION_BACKEND=flask-session-filesystem SESSION_FILE_DIR=/tmp/small make run`.",
        "Fill it: `cat /dev/zero > /tmp/small/filling`.",
        "Log in. What does the page say, and are you in?",
        "Remove the filling, and do the same with SESSION_BACKEND=filesystem.",
    ),
)
