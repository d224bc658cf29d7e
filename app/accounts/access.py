"""Who may see a page: the guard of pages that need a login, and the way back to them."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import current_app, redirect, request, session, url_for
from werkzeug.wrappers import Response

from app.accounts.database import find_account
from app.web.same_origin import SAFE_METHODS

Page = str | tuple[str, int] | Response
"""What a view answers: a page, one with its status, or where to go on."""

View = Callable[..., Any]


def is_logged_in() -> bool:
    """Whether the session is logged in, and its account has not ended it since."""
    if "logged_in" not in session:
        return False
    account = find_account(session.get("user", ""))
    return account is not None and not account.disabled and account.epoch == session.get("epoch")


def login_required(view: View) -> View:
    """Send visitors who are not logged in to the login page, and back afterwards.

    The address tells the login page why a session ended, so nobody is logged out in silence.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if is_logged_in():
            return view(*args, **kwargs)
        # With the mount, where this is one of several applications: the way back is a whole path.
        path = f"{request.script_root}{request.full_path}".rstrip("?")
        target = path if request.method == "GET" else ""
        return redirect(url_for("login.login", next=target, ended=_end_reason()))

    return guarded


def _end_reason() -> str | None:
    """What ended this browser's login: `account`, `session`, or `None` without a login.

    `nobody` if it sent a form without one, which is not done, as after a logout in another tab;
    `cookie` if there was none, and the visitor comes from the login page.
    """
    if "logged_in" in session:
        session.clear()
        return "account"
    if current_app.config["SESSION_COOKIE_NAME"] in request.cookies:
        return "session"
    if request.method not in SAFE_METHODS:
        return "nobody"
    came_from = (request.referrer or "").partition("?")[0]
    return "cookie" if came_from == url_for("login.login", _external=True) else None


def local_target(target: str | None) -> str:
    """`target` if it is a path of this host, else the dashboard.

    Browsers take a backslash for a slash and drop control characters, so anything but a plain
    path is refused (CWE-601).
    """
    fallback = url_for("dashboard.dashboard")
    if not target or not target.startswith("/") or target.startswith("//"):
        return fallback
    return fallback if "\\" in target or not target.isprintable() else target
