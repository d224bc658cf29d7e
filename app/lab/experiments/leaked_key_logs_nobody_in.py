"""A forger who knows only the secret key tries to log in as a user."""

from werkzeug.security import generate_password_hash

from app.lab.abilities import in_browser
from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.subject.application import ACCOUNT, Subject
from app.lab.subject.site import Paths

FORGED_LOGIN = {"username": ACCOUNT["username"], "password": "whatever the forger likes"}
"""The user's name, with a password that is right only on the forger's installation."""


def experiment(subject: Subject) -> Finding:
    # One round, because the time of a login is not what is measured.
    password = generate_password_hash(FORGED_LOGIN["password"], "pbkdf2:sha256:1")
    accounts = {FORGED_LOGIN["username"]: password}
    apart = subject.store.isolated_settings()
    with subject.start_second_server(DEMO_ACCOUNTS=accounts, **apart) as home:
        home.paths = Paths(fields=FORGED_LOGIN)
        token = home.log_in_visitor("The forger’s browser at home").token
        with subject.recorder.deciding():
            forged = subject.logs_in_with(token, "The forger")
    return Finding(
        not forged,
        "forged" if forged else "not forged",
        "The forger ran the same software at home, with the leaked key and a store and passwords "
        "of their own. The token of that login logs "
        f"{'in as a user who never logged in' if forged else 'nobody in'} here.",
    )


CLAIM = Claim(
    sentence="The secret key alone logs nobody in.",
    believed="Keys leak: in a repository, in a log, in a page about an error. What that costs is "
    "the first question afterwards.",
    meaning="Where it fails, a leaked key is as bad as everybody’s password: any user, the "
    "administrator too, without one request to the login page. Where a store must know the id, "
    "the key alone opens nothing. Replace a leaked key in any case, and keep no fallback.",
    experiment=experiment,
    unless={in_browser: FAILS},
    topic=Topic.THEFT,
    stakes=Stakes.ACCOUNT,
    sources=("OWASP ASVS 5.0, 13.3.1", "flask-unsign"),
    try_it=(
        "Start the application twice with the same SECRET_KEY, the second time with PORT=5001, "
        "SESSION_FILE_DIR=/tmp/forger and DEMO_ACCOUNTS=alice:forged: that one is the forger’s.",
        "Log in there as alice with the password forged, and copy the value of the session’s "
        "cookie from devtools (F12), Application → Cookies.",
        "On http://127.0.0.1:5000, in a private window, add the cookie by that name and value: "
        "double-click the empty row below the list.",
        "Open the dashboard. Are you alice?",
    ),
)
