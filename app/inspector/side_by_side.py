"""Every backend in one process, each under its own path, and the page that shows them together."""

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlencode

from flask import Blueprint, Flask, abort, current_app, redirect, render_template, request, url_for
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wrappers import Response

from app.accounts.database import shown_accounts
from app.inspector import replay
from app.state import state_of
from app.web.subrequest import Answer, ask
from backends import BACKENDS, ConfigurationError

bp = Blueprint("side_by_side", __name__)

ACTIONS = {
    "login": "/login",
    "write": "/dashboard/note",
    "grow": "/dashboard/grow",
    "logout": "/logout",
    "replay": "/replay",
}
"""What the bar does on every backend: the action's name and the path that it posts to."""

DONE = {
    "login": "Logged in.",
    "write": "A note was written into the session.",
    "grow": "5 KB more are in the session.",
    "logout": "Logged out.",
}

OUTCOMES = {
    **replay.OUTCOMES,
    "login-required": "Nobody is logged in here: log in first.",
    "401": "This name and password do not fit together.",
    "403": "This account is disabled.",
    "400": "Give a name and a password.",
    "413": "Refused: a browser keeps at most 4096 bytes of a cookie. Nothing was changed.",
    "429": "Too many failed logins from this address: wait a minute.",
    "503": "The store cannot be reached. Nothing is lost: try again shortly.",
    "500": "The application failed here: its log says why.",
}
"""What became of an action on one backend: a code for the address, a sentence for the page."""

TONES = {"done": "good", "refused": "good", "still-logged-in": "bad"}
"""How a page marks an outcome; the others are warnings."""


class Outcome(NamedTuple):
    """What became of the last action on one backend."""

    title: str
    sentence: str
    tone: str


def init_app(app: Flask, create: Callable[[str], Flask]) -> None:
    """Mount an application of each backend below `/NAME` and the page at `/`.

    Raises `ConfigurationError` for a name that another address or its query has already.
    """
    app.register_blueprint(bp)
    later = {"action", "lab"}  # the query's word for what was done, and the laboratory's pages
    taken = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()} | later
    for name in taken & set(BACKENDS):
        raise ConfigurationError(
            f"The backend {name!r} cannot stand beside the others, whose page uses that name: "
            "choose one backend by SESSION_BACKEND, or rename it in its package."
        )
    mounted = state_of(app).mounted
    mounted.update({name: create(name) for name in BACKENDS})
    app.wsgi_app = DispatcherMiddleware(  # type: ignore[method-assign]  # as Flask documents it
        app.wsgi_app, {f"/{name}": application for name, application in mounted.items()}
    )


@bp.get("/")
def index() -> str:
    columns = {
        name: ask(current_app, "GET", f"/{name}/column", cookies_for(name)) for name in BACKENDS
    }
    return render_template(
        "inspector/side_by_side.html",
        backends=BACKENDS,
        columns=columns,
        outcomes=_outcomes(),
        accounts=shown_accounts(),
    )


@bp.post("/all/<action>")
def act(action: str) -> Response:
    """Do the same on every backend, and hand the browser the cookies of all."""
    if action not in ACTIONS:
        abort(404)
    answers = {name: _post(name, ACTIONS[action]) for name in BACKENDS}
    outcomes = {name: _outcome(answer) for name, answer in answers.items()}
    values = {"action": action, **outcomes}
    response = redirect(f"{url_for('side_by_side.index')}?{urlencode(values)}", code=303)
    for set_cookie in _agreed_cookies(answers):
        response.headers.add("Set-Cookie", set_cookie)
    return response


def _post(name: str, path: str) -> Answer:
    return ask(current_app, "POST", f"/{name}{path}", cookies_for(name), request.form)


def cookies_for(name: str) -> Mapping[str, str]:
    """What a browser would send if this backend's application were alone on the host."""
    others = {_session_cookie_name(other) for other in BACKENDS if other != name}
    return {
        cookie: value
        for cookie, value in request.cookies.items()
        if cookie.removeprefix("kept_") not in others
    }


def _agreed_cookies(answers: Mapping[str, Answer]) -> list[str]:
    """What the browser is told to store: each backend's own cookies, and what all of them say.

    The cookies without a session are shared. One backend that accepts a login must not delete the
    guest's cart of another that refused it.
    """
    own: list[str] = []
    said: list[list[str]] = []
    for name, answer in answers.items():
        headers = answer.headers.getlist("Set-Cookie")
        session_cookie = _session_cookie_name(name)
        of_session = [
            h for h in headers if h.removeprefix("kept_").startswith(f"{session_cookie}=")
        ]
        own += of_session
        said.append([header for header in headers if header not in of_session])
    return own + [header for header in said[0] if all(header in others for others in said)]


def _session_cookie_name(name: str) -> str:
    return str(state_of(current_app).mounted[name].config["SESSION_COOKIE_NAME"])


def _outcome(answer: Answer) -> str:
    if answer.status == 200:
        return str(answer.json().get("outcome"))
    if answer.status == 302:
        return "login-required" if "/login?next" in answer.headers["Location"] else "done"
    return str(answer.status)


def _outcomes() -> dict[str, Outcome]:
    """What the address says of each backend, for those of which it says something known."""
    sentences = {name: _sentence(request.args.get(name, "")) for name in BACKENDS}
    return {
        name: Outcome(BACKENDS[name].title, sentence, TONES.get(request.args[name], "warning"))
        for name, sentence in sentences.items()
        if sentence is not None
    }


def _sentence(code: str) -> str | None:
    if code == "done":
        return DONE.get(request.args.get("action", ""))
    return OUTCOMES.get(code)
