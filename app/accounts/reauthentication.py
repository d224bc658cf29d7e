"""Sensitive changes need a password that was given a short while ago (OWASP ASVS 5.0, 7.5)."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from flask import current_app, render_template, request, session, url_for
from werkzeug.wrappers import Response

from app.accounts.database import authenticate
from app.state import state_of
from app.web.log import report_visit

CONFIRMED_FOR = 5 * 60
"""Seconds for which a given password counts."""

Page = Response | tuple[str, int]
Ask = Callable[[int, str], Page]
"""Makes the page that asks for the password, of a status and a sentence that says what is wrong."""
Arguments = ParamSpec("Arguments")
View = Callable[Arguments, Page]


def mark_confirmed() -> None:
    """Note in the session that its owner has just given the password."""
    session["confirmed_at"] = int(state_of(current_app).clock())


def is_confirmed() -> bool:
    """Whether the password of this session's account was given a short while ago."""
    age = state_of(current_app).clock() - session.get("confirmed_at", 0)
    return bool(age < CONFIRMED_FOR)


def is_own_password(password: str) -> bool:
    """Whether it is the password of this session's account; the log tells of any other."""
    right = authenticate(session["user"], password) is not None
    if not right:
        report_visit("confirmation failed", user=session["user"])
    return right


def confirm() -> None:
    """The password was given: the session takes a new token (OWASP ASVS 5.0, 7.2.4)."""
    mark_confirmed()
    interface: Any = current_app.session_interface
    interface.regenerate(session)


def fresh_password_required(ask: Ask) -> Callable[[View[Arguments]], View[Arguments]]:
    """Where the password was last given too long ago, the form must bring it, or `ask` answers."""

    def guard(view: View[Arguments]) -> View[Arguments]:
        @wraps(view)
        def guarded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Page:
            if is_confirmed():
                return view(*args, **kwargs)
            password = request.form.get("password")
            if not password:
                return ask(403, "Nothing was changed: give your password with it.")
            if not is_own_password(password):
                return ask(401, "Nothing was changed: this is not your password.")
            confirm()
            return view(*args, **kwargs)

        return guarded

    return guard


def on_its_own_page(action: str, way_back: Callable[[], str]) -> Ask:
    """Ask on a page that sends the same form again, for forms that have no room for a password.

    `action`: what the form does, as its button says it; `way_back`: the address of who lets it be.
    """

    def ask(status: int, problem: str) -> Page:
        page = render_template(
            "accounts/reauthentication.html",
            user=session["user"],
            action=action,
            sent=[pair for pair in request.form.items(multi=True) if pair[0] != "password"],
            target=url_for(str(request.endpoint), **(request.view_args or {})),
            way_back=way_back(),
            problem=problem if status == 401 else None,
            confirmed_for=CONFIRMED_FOR,
        )
        return page, status

    return ask
