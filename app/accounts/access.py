"""Who may see a page: the guard of pages that need a login, and the limit of wrong passwords."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import limits
from flask import abort, current_app, redirect, request, session, url_for

from app.accounts.database import find_account
from app.state import state_of
from app.web.log import log_visitor_event

FAILED_LOGIN_LIMIT = "10 per minute"
"""For one address: enough for a forgotten password, too few for a list of them."""

MAX_NAME_CHARACTERS = 80

View = TypeVar("View", bound=Callable[..., Any])


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

    return cast(View, guarded)


def _end_reason() -> str | None:
    """What ended this browser's login: `account`, `session`, or `None` without a login."""
    if "logged_in" in session:
        session.clear()
        return "account"
    return "session" if current_app.config["SESSION_COOKIE_NAME"] in request.cookies else None


def local_target(target: str | None, otherwise: str | None = None) -> str:
    """`target` if it is a path of this host, else `otherwise` or the dashboard.

    Browsers take a backslash for a slash and drop control characters, so anything but a plain
    path is refused (CWE-601).
    """
    fallback = otherwise or url_for("dashboard.dashboard")
    if not target or not target.startswith("/") or target.startswith("//"):
        return fallback
    if "\\" in target or not target.isprintable() or urlsplit(target).netloc:
        return fallback
    return target


def limit_wrong_passwords(view: View) -> View:
    """Count the view's 401 responses by address, and refuse after too many."""
    limit = limits.parse(FAILED_LOGIN_LIMIT)

    @wraps(view)
    def limited(*args: Any, **kwargs: Any) -> Any:
        failed_logins = state_of(current_app).failed_logins
        address = request.remote_addr or ""
        if not failed_logins.test(limit, address):
            _log_refusal()
            abort(429)
        response = current_app.make_response(view(*args, **kwargs))
        if response.status_code == 401:
            failed_logins.hit(limit, address)
        return response

    return cast(View, limited)


def _log_refusal() -> None:
    """Log refused logins at most once a second: a flood of them must not fill the log."""
    refused = state_of(current_app).refusals.admit()
    if refused is not None:
        name = request.form.get("username", "")[:MAX_NAME_CHARACTERS]
        log_visitor_event("login limited", user=name, more=refused)
