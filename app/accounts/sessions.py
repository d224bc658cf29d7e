"""List a user's sessions and end them from elsewhere (OWASP ASVS 5.0, 7.5.2).

Used by the user's own page and the administrators' panel.
"""

from math import ceil
from typing import Any, NamedTuple, cast

from flask import Blueprint, current_app, redirect, render_template, request, session, url_for

from app.accounts.access import Page, login_required
from app.accounts.database import revoke_sessions
from app.accounts.guesses import limit_wrong_passwords
from app.accounts.reauthentication import fresh_password_required
from app.languages.texts import gettext
from app.web.log import log_visitor_event
from backends import Session, lister_of
from backends.http.user_agent import cut_name, read_agent
from backends.server_side import OwnedSession
from backends.settings import idle_seconds
from backends.store import RENEW_BELOW

bp = Blueprint("sessions", __name__)

PAGE_LENGTH = 50
"""Sessions on a page: a list of 1,500 was 1.4 MB."""


class SessionPage(NamedTuple):
    """Some of a user's sessions, the newest first."""

    sessions: list[OwnedSession]
    total: int
    """How many there are on all pages."""
    number: int
    """Of the page, from 1."""
    last: int
    """The number of the last page."""
    current: str | None
    """The handle of this request's session."""
    seen_to_within: int
    """Seconds by which "last seen" may be too old, because reading rarely writes it."""


@bp.get("/sessions")
@login_required
def index() -> str:
    user = session["user"]
    return render_template(
        "accounts/sessions.html",
        user=user,
        listed=find_page(user),
        ended=request.args.get("ended", type=int),
        idle=current_app.config["SESSION_IDLE_SECONDS"],
        absolute=current_app.config["SESSION_ABSOLUTE_SECONDS"],
    )


def _page_address(**more: Any) -> str:
    return url_for("sessions.index", **more)


@bp.post("/sessions/end")
@limit_wrong_passwords
@login_required
@fresh_password_required(lambda: gettext("End the session"), _page_address)
def end() -> Page:
    """End the user's session with the handle in the form."""
    user, handle = session["user"], request.form.get("handle", "")
    return redirect(_page_address(ended=end_session(user, handle)))


@bp.post("/sessions/end-others")
@limit_wrong_passwords
@login_required
@fresh_password_required(lambda: gettext("End all my other sessions"), _page_address)
def end_others() -> Page:
    user = session["user"]
    ended = revoke_sessions(user, but_current=True)
    if can_list_sessions():
        log_visitor_event("sessions ended", user=user, by=user, ended=ended)
    return redirect(_page_address(ended=ended))


def can_list_sessions() -> bool:
    """Whether the backend knows whose a session is."""
    return lister_of(current_app) is not None


def find_page(user: str) -> SessionPage | None:
    """The page of the user's sessions that the address names; `None` if they cannot be listed."""
    interface = lister_of(current_app)
    if interface is None:
        return None
    found = interface.sessions_of(user)
    last = max(1, ceil(len(found) / PAGE_LENGTH))
    number = max(1, min(request.args.get("page", 1, type=int), last))
    first = (number - 1) * PAGE_LENGTH
    return SessionPage(
        found[first : first + PAGE_LENGTH],
        total=len(found),
        number=number,
        last=last,
        current=interface.handle_of(cast(Session, session)),
        seen_to_within=round(idle_seconds(current_app) * (1 - RENEW_BELOW)),
    )


def end_session(user: str, handle: str) -> int:
    """End a session of the user and log who did it. Returns how many it ended: one or none."""
    interface = lister_of(current_app)
    if interface is None:
        return 0
    ended = interface.revoke(user, [handle])
    log_visitor_event("sessions ended", user=user, by=session["user"], ended=ended)
    return ended


@bp.app_template_filter("browser")
def describe_browser(agent: str) -> str:
    """A User-Agent in words of the page's language: `Firefox 128 on Linux`."""
    browser, system = read_agent(agent)
    words = gettext("%(browser)s on %(system)s", browser=browser, system=system)
    return cut_name(words if system else browser) or gettext("Unknown")
