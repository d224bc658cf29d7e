"""Use a token of another application that has the same secret key."""

import time
from typing import Any

from flask import Flask, session

from app.lab.abilities import flask_as_shipped
from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.subject.application import SIGNING_KEY, Subject

OTHER_NAME = "another_application"


def experiment(subject: Subject) -> Finding:
    foreign = _log_in_elsewhere(subject, OTHER_NAME)
    with subject.recorder.deciding():
        accepted = subject.logs_in_with(foreign)
    by_name = subject.logs_in_with(_log_in_elsewhere(subject, subject.app.name))
    other, same = ("accepted" if each else "refused" for each in (accepted, by_name))
    return Finding(
        not accepted,
        f"{other}; of the same name {same}",
        f"An application called “{OTHER_NAME}”, with the same secret key and a store of its own, "
        f"had the same values in its session. Its token was {other} here, and that of one called "
        f"“{subject.app.name}” like this one was {same}.",
    )


def _log_in_elsewhere(subject: Subject, name: str) -> str:
    """The token of a login in an application of this name."""
    login = subject.log_in_visitor().run(lambda: dict(session))
    another = Flask(name)
    another.config.update(
        SECRET_KEY=SIGNING_KEY,
        SESSION_COOKIE_NAME=subject.cookie_name,
        **subject.store.isolated_settings(),
    )
    another.session_interface = subject.backend.install(another, time.time)
    return _make_token(another, login)


def _make_token(app: Flask, values: dict[str, Any]) -> str:
    """The token of a session with these values."""

    def begin() -> str:
        session.update(values)
        return "begun"

    app.add_url_rule("/", view_func=begin)
    client = app.test_client()
    client.get("/")
    cookie = client.get_cookie(app.config["SESSION_COOKIE_NAME"])
    assert cookie is not None
    return cookie.value


CLAIM = Claim(
    sentence="A token of an application with another name and the same secret key is refused.",
    believed="A company has several applications, and one .env for all of them. Each has a login "
    "of its own, so being logged in at one should mean nothing to another.",
    meaning="Where it fails, whoever may write user=admin into the session of the least important "
    "application is the administrator of all. Flask signs for every application alike. The cookie "
    "of this project is signed for the application’s name and the cookie’s. Where the figure says "
    "that one of the same name is accepted, two applications that are both called app need another "
    "SESSION_COOKIE_NAME, or another name, for one of them. Best is a key each.",
    experiment=experiment,
    unless={flask_as_shipped: FAILS},
    topic=Topic.THEFT,
    stakes=Stakes.ACCOUNT,
    sources=("OWASP ASVS 5.0, 9.2.3",),
    try_it=(
        "Write the Flask application of the README's example in a file another.py, with "
        '`SESSION_BACKEND="cookie", SESSION_COOKIE_NAME="session_cookie"`, the SECRET_KEY of this '
        "one, which is in instance/secret_key, and a view that sets what the inspector shows of "
        "your login.",
        "Open that view on port 5001, and copy the value of its cookie from devtools (F12), "
        "Application → Cookies.",
        "Put it in the place of this application’s cookie, and open the dashboard. Are you in?",
        "Leave init_app out of two such applications with one key: Flask’s own cookie of the one "
        "is accepted by the other.",
    ),
)
