"""The panel of the administrators: the accounts, and whose sessions to end."""

from flask import Blueprint, Flask, abort, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from app.accounts import account_names, is_admin
from app.auth import limit_wrong_passwords, login_required
from app.sessions import end_sessions, listed_sessions, lists_sessions, seen_to_within
from app.step_up import Page, fresh_password_required, on_its_own_page
from app.where import in_session

bp = Blueprint("admin", __name__)


@bp.before_request
@login_required
def _only_administrators() -> None:
    """Asks at each request whether the account may: a session holds no role that could go stale."""
    if not is_admin(session["user"]):
        abort(403, "This page is for administrators only.")


@bp.get("/admin")
def index() -> str:
    chosen = request.args.get("user")
    return render_template(
        "admin/index.html",
        accounts={name: is_admin(name) for name in account_names()},
        user=session["user"],
        chosen=chosen,
        listed=listed_sessions(chosen) if chosen and lists_sessions() else None,
        ended=request.args.get("ended", type=int),
        seen_to_within=seen_to_within(),
        lists_sessions=lists_sessions(),
        places=[in_session("Who is logged in")],
    )


def _page_address() -> str:
    """The panel, with the sessions that were to be ended."""
    return url_for("admin.index", user=request.form.get("user"), _anchor="sessions")


@bp.post("/admin/end")
@fresh_password_required(on_its_own_page("End the session", _page_address))
def end() -> Page:
    """End the one session of the user that the form names by its handle."""
    user = request.form.get("user", "")
    return _back(user, end_sessions(user, [request.form.get("handle", "")], session["user"]))


@bp.post("/admin/end-all")
@fresh_password_required(on_its_own_page("End all sessions of the account", _page_address))
def end_all() -> Page:
    """End every session of the user; an administrator's own too, and with it this one."""
    user = request.form.get("user", "")
    handles = [listed.handle for listed in listed_sessions(user)]
    return _back(user, end_sessions(user, handles, session["user"]))


def init_app(app: Flask) -> None:
    """Register the panel; a wrong password counts here as it does at the login."""
    app.register_blueprint(bp)
    limit_wrong_passwords(app, bp, end, end_all)


def _back(user: str, ended: int) -> Response:
    return redirect(url_for("admin.index", user=user, ended=ended, _anchor="sessions"))
