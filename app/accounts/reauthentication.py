"""Re-authentication: sensitive changes need a recent password (OWASP ASVS 5.0, 7.5)."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from flask import current_app, render_template, request, session, url_for

from app.accounts.access import Page
from app.accounts.database import authenticate
from app.state import state_of
from app.web.log import log_visitor_event

CONFIRMATION_SECONDS = 5 * 60
"""For how long a given password counts."""

Arguments = ParamSpec("Arguments")
View = Callable[Arguments, Page]


def mark_confirmed() -> None:
    """Note in the session that its user has just given the password."""
    session["confirmed_at"] = int(state_of(current_app).clock())


def is_confirmed() -> bool:
    """Whether the password was given within `CONFIRMATION_SECONDS`."""
    age = state_of(current_app).clock() - session.get("confirmed_at", 0)
    return bool(0 <= age < CONFIRMATION_SECONDS)  # a clock set back makes nothing fresh


def is_own_password(password: str) -> bool:
    """Whether it is the password of this session's account; a wrong one is logged."""
    right = authenticate(session["user"], password) is not None
    if not right:
        log_visitor_event("confirmation failed", user=session["user"])
    return right


def confirm() -> None:
    """Note that the password was given, and rotate the token (OWASP ASVS 5.0, 7.2.4).

    Flask's own session cannot rotate: what changed in it is a new token, and the old one lives on.
    """
    mark_confirmed()
    interface: Any = current_app.session_interface
    if hasattr(interface, "regenerate"):
        interface.regenerate(session)


def fresh_password_required(
    action: Callable[Arguments, str], way_back: Callable[[], str]
) -> Callable[[View[Arguments]], View[Arguments]]:
    """Require a recent password, or one in the form; else ask for it on a page.

    That page sends the same form again. `action` returns the text of its button, `way_back` the
    address of "cancel".
    """

    def guard(view: View[Arguments]) -> View[Arguments]:
        @wraps(view)
        def guarded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Page:
            if is_confirmed():
                return view(*args, **kwargs)
            password = request.form.get("password")
            if password and is_own_password(password):
                confirm()
                return view(*args, **kwargs)
            page = _ask_for_password(action(*args, **kwargs), way_back())
            return page, 401 if password else 403

        return guarded

    return guard


def _ask_for_password(action: str, way_back: str) -> str:
    return render_template(
        "accounts/reauthentication.html",
        user=session["user"],
        action=action,
        sent=[pair for pair in request.form.items(multi=True) if pair[0] != "password"],
        target=url_for(str(request.endpoint), **(request.view_args or {})),
        way_back=way_back,
        confirmed_for=CONFIRMATION_SECONDS,
    )
