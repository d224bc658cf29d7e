"""Another application has the same secret key, and a user of it brings his token along."""

import time
from typing import Any

from flask import Flask, session

from app.lab.claim import HOLDS, Claim, Code, Finding, on_each
from app.lab.places import EmbeddedRedis
from app.lab.subject import KEY, Subject


def experiment(subject: Subject) -> Finding:
    login = subject.logged_in().run(lambda: dict(session))
    another = Flask("another_application")
    another.config.update(
        SECRET_KEY=KEY,
        SESSION_COOKIE_NAME=subject.cookie_name,
        SESSION_FILE_DIR=subject.folder / "another",
        **EmbeddedRedis().settings,
    )
    another.session_interface = subject.backend.install(another, time.time)
    accepted = subject.admits(_token(another, login))
    because = (
        "Another application with the same secret key and a store of its own had the same values "
        f"in its session. Its token was {'accepted' if accepted else 'refused'} here."
    )
    return Finding(not accepted, "accepted" if accepted else "refused", because)


def _token(app: Flask, values: dict[str, Any]) -> str:
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


_STORE = Code("backends.interface.StoreInterface._signer", "token_salt(app")

CLAIM = Claim(
    sentence="A token of another application with the same secret key is refused.",
    believed="A company has several applications, and one .env for all of them. Each has a login "
    "of its own, so being logged in at one should mean nothing to another.",
    meaning="Where it fails, whoever may write user=admin into the session of the least important "
    "application is the administrator of all. Flask signs for every application alike; these "
    "backends sign for one application and one cookie. Two that share a store need a "
    "SESSION_KEY_PREFIX each on Flask-Session.",
    experiment=experiment,
    expected=on_each(cookie=HOLDS, filesystem=HOLDS, redis=HOLDS, stock=HOLDS),
    sources=("OWASP ASVS 5.0, 9.2.3",),
    try_it=(
        'Write the Flask application of the README\'s example, with SESSION_BACKEND="cookie", '
        'SESSION_COOKIE_NAME="session_cookie", the SECRET_KEY of this one, which is in '
        "instance/secret_key, and a view that sets what the inspector shows of your login.",
        "Open that view on port 5001, and copy the value of its cookie from devtools (F12), "
        "Application → Cookies.",
        "Put it in the place of this application's cookie, and open the dashboard. Are you in?",
        "Do it again without init_app, and without it here, and Flask's own cookie is accepted.",
    ),
    decided_by=on_each(
        cookie=Code("backends.cookie.CookieInterface.get_signing_serializer", "token_salt(app"),
        filesystem=_STORE,
        redis=_STORE,
        stock=Code(
            "flask_session.base.ServerSideSessionInterface.open_session",
            "if saved_session_data is not None:",
        ),
    ),
)
