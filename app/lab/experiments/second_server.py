"""Log in on one server, and send the token to another."""

from app.lab.abilities import on_one_server
from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.subject.application import Subject


def experiment(subject: Subject) -> Finding:
    alice = subject.log_in_visitor()
    with subject.start_second_server() as other, subject.recorder.deciding():
        known = other.logs_in_with(alice.token, alice.name)
    with subject.start_second_server(SESSION_FILE_DIR=subject.folder / "sessions") as other:
        known_by_disk = other.logs_in_with(alice.token, alice.name)
    if known:
        return Finding(True, "known", "A second server with the same key knew the session.")
    if not known_by_disk:
        because = "A second server with the same key did not know the session."
        return Finding(False, "unknown", because)
    return Finding(
        False,
        "unknown; known on a shared disk",
        "A second server with a disk of its own did not know the session. One on the same disk "
        "did.",
    )


CLAIM = Claim(
    sentence="A second server knows the sessions that began on the first.",
    believed="One server is enough until it is not. Then a second one is started beside it, and "
    "everybody expects to stay logged in.",
    meaning="Where it fails, each request that lands on the other server finds nobody logged in. "
    "A signed cookie needs the same key everywhere and nothing else, Redis one Redis for all; "
    "files are for the processes of one machine.",
    experiment=experiment,
    unless={on_one_server: FAILS},
    lost_with_process=True,
    topic=Topic.OPERATIONS,
    stakes=Stakes.SERVICE,
    sources=("The Twelve-Factor App, VI. Processes",),
    try_it=(
        "`docker compose --profile scale up` starts three servers on Redis at "
        "http://localhost:8013, and three that share no disk at http://localhost:8012.",
        "Log in on each of the two addresses, and reload the dashboard a few times.",
        "Which one forgets you?",
    ),
)
