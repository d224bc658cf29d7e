"""The secret key is replaced, first with the old one as fallback, then without."""

from app.lab.abilities import flask_session_as_shipped
from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.measuring import in_or_out
from app.lab.subject.application import Subject

NEW_KEY = "the key that the laboratory signs with from now on"


def experiment(subject: Subject) -> Finding:
    alice, old = subject.log_in_visitor(), subject.app.secret_key
    token = alice.token
    # Without a restart, which would end an embedded store.
    subject.app.config.update(SECRET_KEY=NEW_KEY, SECRET_KEY_FALLBACKS=[old])
    subject.recorder.note("The key is replaced, with the old one as fallback.")
    with subject.recorder.deciding():
        with_it = subject.logs_in_with(token, alice.name)
    subject.app.config.update(SECRET_KEY_FALLBACKS=[])
    subject.recorder.note("The old key is no fallback any more.")
    with subject.recorder.deciding():
        without = subject.logs_in_with(token, alice.name)
    return Finding(
        with_it and not without,
        f"{in_or_out(with_it)} with fallback, {in_or_out(without)} without",
        "After the key was replaced, a token from before was "
        f"{in_or_out(with_it)} with the old key as fallback, and {in_or_out(without)} without it.",
    )


CLAIM = Claim(
    sentence="A new secret key with the old one as fallback keeps everybody in, and without it "
    "nobody.",
    believed="Keys should be replaced now and then, and nobody wants to log everybody out for it. "
    "After a leak, that is exactly what is wanted.",
    meaning="Where it holds, SECRET_KEY_FALLBACKS makes a change of the key invisible, and leaving "
    "it out is the one switch that logs everybody out. Flask-Session does not sign its ids, so "
    "the key decides nothing there.",
    experiment=experiment,
    unless={flask_session_as_shipped: FAILS},
    topic=Topic.OPERATIONS,
    stakes=Stakes.SERVICE,
    sources=("OWASP ASVS 5.0, 13.3.4", "pallets/flask #5621"),
    try_it=(
        "Make two keys: `python3 -c 'import secrets; print(secrets.token_hex(32))'`.",
        "Start the application with the first as SECRET_KEY, and log in.",
        "Start it again with the second as SECRET_KEY, and the first in SECRET_KEY_FALLBACKS. "
        "Reload the dashboard: are you in?",
        "Within three minutes start it once more without SECRET_KEY_FALLBACKS, and reload. Whoever "
        "uses a session for longer gets a token by the new key, and stays in.",
    ),
)
