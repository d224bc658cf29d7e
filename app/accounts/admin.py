"""The panel of the administrators: disable and enable accounts, end their sessions."""

from collections.abc import Callable
from typing import Any, NamedTuple

from flask import Blueprint, abort, redirect, render_template, request, session, url_for
from flask_babel.speaklater import LazyString

from app.accounts import database
from app.accounts.access import Page, login_required
from app.accounts.guesses import limit_wrong_passwords
from app.accounts.reauthentication import fresh_password_required
from app.accounts.sessions import can_list_sessions, end_session, find_page
from app.languages.texts import gettext, lazy_gettext
from app.web.data_location import locate_in_session
from app.web.log import log_if_saved

bp = Blueprint("admin", __name__)


class Change(NamedTuple):
    """A change that an administrator makes to an account."""

    button: LazyString
    make: Callable[[str], None]


CHANGES = {
    "disable": Change(lazy_gettext("Disable the account"), database.disable),
    "enable": Change(lazy_gettext("Enable the account"), database.enable),
    "end-sessions": Change(lazy_gettext("End all sessions of the account"), database.end_sessions),
}
"""The changes that OWASP ASVS 5.0, 7.4.2 and 7.4.5 ask for."""


@bp.before_request
@login_required
def _only_administrators() -> None:
    """Asks at each request whether the account may: a session holds no role that could go stale."""
    if not database.is_admin(session["user"]):
        abort(403, gettext("This page is for administrators only."))


@bp.get("/admin")
def index() -> str:
    chosen = request.args.get("user")
    return render_template(
        "accounts/admin.html",
        accounts=map(database.find_account, database.list_account_names()),
        user=session["user"],
        chosen=chosen,
        listed=find_page(chosen) if chosen else None,
        ended=request.args.get("ended", type=int),
        lists_sessions=can_list_sessions(),
        locations=[locate_in_session(gettext("Who is logged in"))],
    )


def _page_address(anchor: str = "sessions", **more: Any) -> str:
    """The panel, with the sessions of the account that the form names."""
    return url_for("admin.index", user=request.form.get("user"), _anchor=anchor, **more)


@bp.post("/admin/end")
@limit_wrong_passwords
@fresh_password_required(lambda: gettext("End the session"), _page_address)
def end() -> Page:
    """End the one session of the user that the form names by its handle."""
    user, handle = request.form.get("user", ""), request.form.get("handle", "")
    return redirect(_page_address(ended=end_session(user, handle)))


@bp.post("/admin/disable", defaults={"change": "disable"})
@bp.post("/admin/enable", defaults={"change": "enable"})
@bp.post("/admin/end-all", defaults={"change": "end-sessions"})
@limit_wrong_passwords
@fresh_password_required(lambda change: str(CHANGES[change].button), _page_address)
def change_account(change: str) -> Page:
    """Make one of `CHANGES` to the account that the form names."""
    user = request.form.get("user", "")
    if not database.exists(user):
        abort(400, gettext("Name an account that there is."))
    if change == "disable" and user == session["user"]:
        abort(400, gettext("You cannot disable your own account."))
    CHANGES[change].make(user)
    log_if_saved("account changed", change=change, user=user, by=session["user"])
    return redirect(_page_address("done", done=change))
