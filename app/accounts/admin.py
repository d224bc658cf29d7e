"""The panel of the administrators: disable and enable accounts, end their sessions."""

from typing import Any

from flask import Blueprint, Flask, abort, redirect, render_template, request, session, url_for

from app.accounts import database
from app.accounts.access import limit_wrong_passwords, login_required
from app.accounts.reauthentication import Page, fresh_password_required, on_its_own_page
from app.accounts.sessions import end_sessions, listed_sessions, lists_sessions, seen_to_within
from app.web.data_location import in_session
from app.web.log import report_if_kept

bp = Blueprint("admin", __name__)

CHANGES = {
    "disable": database.disable,
    "enable": database.enable,
    "end-sessions": database.end_sessions,
}
"""What an administrator may do to an account (OWASP ASVS 5.0, 7.4.2 and 7.4.5)."""

BUTTONS = {
    "disable": "Disable the account",
    "enable": "Enable the account",
    "end-sessions": "End all sessions of the account",
}

DONE = {
    "disable": "The account is disabled, and all its sessions have ended.",
    "enable": "The account may log in again.",
    "end-sessions": "All sessions of the account have ended.",
}
"""The sentence for the page after a change."""


@bp.before_request
@login_required
def _only_administrators() -> None:
    """Asks at each request whether the account may: a session holds no role that could go stale."""
    if not database.is_admin(session["user"]):
        abort(403, "This page is for administrators only.")


@bp.get("/admin")
def index() -> str:
    chosen = request.args.get("user")
    return render_template(
        "accounts/admin.html",
        accounts=[
            account for name in database.account_names() if (account := database.account_of(name))
        ],
        is_admin=database.is_admin,
        user=session["user"],
        chosen=chosen,
        listed=listed_sessions(chosen) if chosen and lists_sessions() else None,
        ended=request.args.get("ended", type=int),
        done=DONE.get(request.args.get("done", "")),
        seen_to_within=seen_to_within(),
        lists_sessions=lists_sessions(),
        places=[in_session("Who is logged in")],
    )


def _page_address(**more: Any) -> str:
    """The panel, with the sessions of the account that the form names."""
    return url_for("admin.index", user=request.form.get("user"), _anchor="sessions", **more)


@bp.post("/admin/end")
@fresh_password_required(on_its_own_page("End the session", _page_address))
def end() -> Page:
    """End the one session of the user that the form names by its handle."""
    user, handle = request.form.get("user", ""), request.form.get("handle", "")
    return redirect(_page_address(ended=end_sessions(user, [handle], session["user"])))


def _ask_on_its_own_page(status: int, problem: str) -> Page:
    change = (request.view_args or {})["change"]
    return on_its_own_page(BUTTONS[change], _page_address)(status, problem)


@bp.post("/admin/disable", defaults={"change": "disable"})
@bp.post("/admin/enable", defaults={"change": "enable"})
@bp.post("/admin/end-all", defaults={"change": "end-sessions"})
@fresh_password_required(_ask_on_its_own_page)
def change_account(change: str) -> Page:
    """Make one of `CHANGES` to the account that the form names."""
    user = request.form.get("user", "")
    if not database.exists(user):
        abort(400, "Name an account that there is.")
    if change == "disable" and user == session["user"]:
        abort(400, "You cannot disable your own account.")
    CHANGES[change](user)
    report_if_kept("account changed", change=change, user=user, by=session["user"])
    return redirect(_page_address(done=change))


def init_app(app: Flask) -> None:
    """Register the panel; a wrong password counts here as it does at the login."""
    app.register_blueprint(bp)
    limit_wrong_passwords(app, bp, end, change_account)
