"""Keep the token from before a logout and try it again: is it still a login?

For learners, in a development run only. This process keeps the copy, as a thief would elsewhere;
the browser gets a random handle to it.
"""

import secrets

from flask import Blueprint, Flask, Response, current_app, render_template, request

from app.config import PRODUCTION
from app.state import state_of
from app.web.subrequest import send_inside

bp = Blueprint("replay", __name__)

HANDLE_MAX_AGE_SECONDS = 3600
MAX_KEPT_TOKENS = 1000
"""The oldest is dropped first."""

OUTCOMES = {
    "still-logged-in": "The token from before the logout still logs in.",
    "refused": "The token from before the logout is refused.",
    "nothing-kept": "There is no token to try: log in and out first.",
}


def init_app(app: Flask) -> None:
    """Keep the token at each logout, and offer to try it again."""
    if app.config["APP_PROFILE"] == PRODUCTION:
        return
    app.register_blueprint(bp)
    app.after_request(_keep_at_logout)


@bp.post("/replay")
def replay() -> str | dict[str, str]:
    """Ask for the dashboard with the kept token. JSON where the request prefers it."""
    outcome = _try(state_of(current_app).kept_tokens.get(request.cookies.get(_handle_name(), "")))
    if request.accept_mimetypes.best == "application/json":
        return {"outcome": outcome}
    return render_template("inspector/replay.html", outcome=outcome, sentence=OUTCOMES[outcome])


def _try(token: str | None) -> str:
    if token is None:
        return "nothing-kept"
    cookies = {current_app.config["SESSION_COOKIE_NAME"]: token}
    response = send_inside(current_app, request, "GET", "/dashboard", cookies)
    return "still-logged-in" if response.status_code == 200 else "refused"


def _keep_at_logout(response: Response) -> Response:
    token = request.cookies.get(current_app.config["SESSION_COOKIE_NAME"])
    if request.endpoint == "login.logout" and response.status_code == 302 and token:
        handle = secrets.token_urlsafe(16)
        kept = state_of(current_app).kept_tokens
        kept[handle] = token
        if len(kept) > MAX_KEPT_TOKENS:
            kept.popitem(last=False)
        response.set_cookie(
            _handle_name(), handle, max_age=HANDLE_MAX_AGE_SECONDS, httponly=True, samesite="Strict"
        )
    return response


def _handle_name() -> str:
    return f"kept_{current_app.config['SESSION_COOKIE_NAME']}"
