"""Every backend in one process, each under its own path, and the page that shows them together."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlencode

from flask import Blueprint, Flask, abort, current_app, redirect, render_template, request, url_for
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import TestResponse
from werkzeug.wrappers import Response

from app.accounts.database import list_demo_accounts
from app.dashboard import MAX_PIECES
from app.inspector import replay
from app.inspector.traffic import is_dropped
from app.state import state_of
from app.web.subrequest import send_inside
from backends import BACKENDS, Backend, ConfigurationError

bp = Blueprint("side_by_side", __name__)

ACTIONS = {
    "login": "/login",
    "write": "/dashboard/note",
    "grow": "/dashboard/grow",
    "logout": "/logout",
    "replay": "/replay",
}
"""Each action of the bar, and the path that it posts to on every backend."""

DONE = {
    "login": "Logged in.",
    "write": "A note was written into the session.",
    "grow": "5 KB more were put into the session.",
    "logout": "Logged out.",
}

OUTCOMES = {
    **replay.OUTCOMES,
    "login-required": "Nobody is logged in here: log in first.",
    "401": "Wrong name or password.",
    "403": "This account is disabled.",
    "400": "Give a name and a password.",
    "413": "Refused: a browser keeps at most 4096 bytes of a cookie. Nothing was changed.",
    "dropped": "Answered as done, and lost: a browser drops a cookie of more than 4096 bytes, "
    "and keeps the one before it.",
    "429": "Too many failed logins from this address: wait a minute.",
    "503": "The store cannot be reached. Nothing was changed: try again shortly.",
    "500": "The application failed here: its log says why.",
}
"""The outcome of an action on one backend: a code for the address, a sentence for the page."""

IN_A_STORE = {
    "413": f"Refused: the dashboard adds to a session {MAX_PIECES} times. Nothing was changed."
}
"""What else an outcome says where no cookie holds the session."""

TONES = {"done": "good", "refused": "good", "still-logged-in": "bad", "dropped": "bad"}
"""How a page marks an outcome; the others are warnings."""


class Outcome(NamedTuple):
    """The outcome of the last action on one backend."""

    title: str
    sentence: str
    tone: str


def init_app(app: Flask, create: Callable[[str], Flask]) -> None:
    """Mount an application of each backend below `/NAME` and the page at `/`.

    Raises `ConfigurationError` for a name that another address or its query has already.
    """
    app.register_blueprint(bp)
    later = {"action", "lab"}  # the parameter of the query, and the laboratory's pages
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
    return render_template(
        "inspector/side_by_side.html",
        backends=BACKENDS,
        columns={name: _send(name, "GET", "/column") for name in BACKENDS},
        pairs=_pair_backends(),
        outcomes=_outcomes(),
        accounts=list_demo_accounts(),
    )


def _pair_backends() -> list[list[Backend]]:
    """Each of our backends beside what ships for the same place, if something does."""
    groups: dict[tuple[str, str | None], list[Backend]] = {}
    for backend in sorted(BACKENDS.values(), key=lambda each: each.stock):
        groups.setdefault((backend.state, backend.needs), []).append(backend)
    return list(groups.values())


@bp.post("/all/<action>")
def act(action: str) -> Response:
    """Do the action on every backend, and send the browser the cookies of all.

    A form whose `only` names a backend acts on that one.
    """
    only = request.form.get("only")
    names = [only] if only else list(BACKENDS)
    if action not in ACTIONS or not BACKENDS.keys() >= set(names):
        abort(404)
    responses = _send_all(names, action)
    *_, last = responses.values()
    outcomes = {name: _outcome(responses.get(name, last)) for name in names}
    values = {"action": action, **outcomes}
    answer = redirect(f"{url_for('side_by_side.index')}?{urlencode(values)}", code=303)
    for set_cookie in _merge_cookies(responses):
        answer.headers.add("Set-Cookie", set_cookie)
    return answer


def _send_all(names: list[str], action: str) -> dict[str, TestResponse]:
    """The answers of the backends, but after a wrong password no more: their accounts are one."""
    responses: dict[str, TestResponse] = {}
    for name in names:
        responses[name] = _send(name, "POST", ACTIONS[action], request.form)
        # Else one error in typing was as many wrong passwords, and two of them locked out.
        if responses[name].status_code == HTTPStatus.UNAUTHORIZED:
            break
    return responses


def _send(name: str, method: str, path: str, data: Mapping[str, str] | None = None) -> TestResponse:
    return send_inside(method, f"/{name}{path}", cookies_for(name), data)


def cookies_for(name: str) -> Mapping[str, str]:
    """The cookies that a browser would send if this backend were alone on the host."""
    others = {_session_cookie_name(other) for other in BACKENDS if other != name}
    return {
        cookie: value
        for cookie, value in request.cookies.items()
        if cookie.removeprefix("kept_") not in others
    }


def _merge_cookies(responses: Mapping[str, TestResponse]) -> list[str]:
    """The `Set-Cookie` headers of each session, and those that all backends sent.

    The plain cookies are shared: a backend that accepts a login must not delete the guest's cart
    while another refuses it.
    """
    own: list[str] = []
    shared: list[list[str]] = []
    for name, response in responses.items():
        headers = response.headers.getlist("Set-Cookie")
        session_cookie = _session_cookie_name(name)
        of_session = [
            h for h in headers if h.removeprefix("kept_").startswith(f"{session_cookie}=")
        ]
        own += of_session
        shared.append([header for header in headers if header not in of_session])
    return own + [header for header in shared[0] if all(header in others for others in shared)]


def _session_cookie_name(name: str) -> str:
    return str(state_of(current_app).mounted[name].config["SESSION_COOKIE_NAME"])


def _outcome(response: TestResponse) -> str:
    if response.status_code == 200:
        return str((response.json or {}).get("outcome"))
    if any(is_dropped(header) for header in response.headers.getlist("Set-Cookie")):
        return "dropped"
    if response.status_code == 302:
        return "login-required" if "/login?next" in response.headers["Location"] else "done"
    return str(response.status_code)


def _outcomes() -> dict[str, Outcome]:
    """The outcome of each backend that the address names with a known code."""
    return {
        name: Outcome(backend.title, sentence, TONES.get(code, "warning"))
        for name, backend in BACKENDS.items()
        if (sentence := _find_sentence(backend, code := request.args.get(name, "")))
    }


def _find_sentence(backend: Backend, code: str) -> str | None:
    if code == "done":
        return DONE.get(request.args.get("action", ""))
    in_its_place = IN_A_STORE if backend.state != "browser" else {}
    return in_its_place.get(code) or OUTCOMES.get(code)
