"""Keep the token from before a logout and try it again: is it still a login?

For learners, in a development run only. This process keeps the copy, as a thief would elsewhere;
the browser gets a random handle to it.
"""

import re
import secrets
from html import unescape

from flask import Blueprint, Flask, Response, current_app, render_template, request
from werkzeug.test import TestResponse

from app.config import PRODUCTION
from app.inspector.traffic import note_asked, replaying
from app.state import KeptToken, state_of
from app.web.subrequest import send_inside
from backends import backend_of

bp = Blueprint("replay", __name__)

HANDLE_MAX_AGE_SECONDS = 3600
MAX_KEPT_TOKENS = 1000
"""The oldest is dropped first."""

_HEADING = re.compile("<h1>(.*?)</h1>")

OUTCOMES = {
    "still-logged-in": "The token from before the logout still logs in.",
    "refused": "The token from before the logout is refused.",
    "nothing-kept": "There is no token to try: log in and out first.",
}


def init_app(app: Flask) -> None:
    """Note what the store is asked; outside production keep the token of a logout to try it."""
    backend = backend_of(app)
    if backend.watch:
        backend.watch(app, note_asked)
    if app.config["APP_PROFILE"] != PRODUCTION:
        app.register_blueprint(bp)
        app.after_request(_keep_at_logout)


@bp.post("/replay")
def replay() -> str | dict[str, str]:
    """Ask for the dashboard with the kept token. JSON where the request prefers it."""
    kept = find_kept()
    outcome = _try(kept) if kept else "nothing-kept"
    if request.accept_mimetypes.best == "application/json":
        return {"outcome": outcome}
    return render_template(
        "inspector/replay.html", outcome=outcome, sentence=OUTCOMES[outcome], kept=kept
    )


def find_kept() -> KeptToken | None:
    """The token from before this browser's logout, if one is kept."""
    return state_of(current_app).kept_tokens.get(request.cookies.get(_handle_name(), ""))


def _try(kept: KeptToken) -> str:
    cookies = {current_app.config["SESSION_COOKIE_NAME"]: kept.token}
    with replaying():
        response = send_inside("GET", "/dashboard", cookies)
    logs_in = response.status_code == 200
    kept.answer = _find_heading(response) if logs_in else f"{response.status}, to the login"
    return "still-logged-in" if logs_in else "refused"


def _find_heading(response: TestResponse) -> str:
    """What the page says first."""
    heading = _HEADING.search(response.text)
    return unescape(heading[1]) if heading else response.status


def _keep_at_logout(response: Response) -> Response:
    token = request.cookies.get(current_app.config["SESSION_COOKIE_NAME"])
    if request.endpoint == "login.logout" and response.status_code == 302 and token:
        handle = secrets.token_urlsafe(16)
        kept = state_of(current_app).kept_tokens
        kept[handle] = KeptToken(token)
        if len(kept) > MAX_KEPT_TOKENS:
            kept.popitem(last=False)
        response.set_cookie(
            _handle_name(), handle, max_age=HANDLE_MAX_AGE_SECONDS, httponly=True, samesite="Strict"
        )
    return response


def _handle_name() -> str:
    return f"kept_{current_app.config['SESSION_COOKIE_NAME']}"
