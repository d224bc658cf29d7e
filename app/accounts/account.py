"""The page on which an account changes its password."""

from flask import Blueprint, redirect, render_template, request, session, url_for
from wtforms import BooleanField, PasswordField
from wtforms.validators import InputRequired, Length

from app.accounts import database
from app.accounts.access import Page, login_required
from app.accounts.guesses import limit_wrong_passwords
from app.accounts.reauthentication import (
    CONFIRMATION_SECONDS,
    confirm,
    is_confirmed,
    is_own_password,
)
from app.languages.forms import PageForm
from app.languages.texts import gettext, lazy_gettext
from app.web.data_location import locate_in_session
from app.web.log import log_if_saved

bp = Blueprint("account", __name__)

MIN_PASSWORD_CHARACTERS = 8
"""The minimum of OWASP ASVS 5.0, 6.2.1."""


class NewPasswordForm(PageForm):
    current = PasswordField(lazy_gettext("Your password now"), [InputRequired(), Length(max=200)])
    new = PasswordField(
        lazy_gettext("The new one"),
        [
            InputRequired(),
            Length(MIN_PASSWORD_CHARACTERS, 200, lazy_gettext("Give at least %(min)d characters.")),
        ],
    )
    end_others = BooleanField(lazy_gettext("End all my other sessions"), default=True)


@bp.get("/account")
@login_required
def index() -> Page:
    return _page()


@bp.post("/account/password")
@limit_wrong_passwords
@login_required
def change_password() -> Page:
    """Needs the current password even if it was just given (OWASP ASVS 5.0, 7.5.1)."""
    form = NewPasswordForm(request.form)
    if not form.validate():
        return _page(400, form)
    if not is_own_password(form.current.data):
        form.current.errors = (gettext("This is not your password."),)
        return _page(401, form)
    database.change_password(session["user"], form.new.data)
    if form.end_others.data:
        database.end_other_sessions(session["user"])
    confirm()
    code = "password-and-sessions" if form.end_others.data else "password"
    log_if_saved("account changed", change=code, user=session["user"], by=session["user"])
    return redirect(url_for("account.index", done=code))


def _page(status: int = 200, form: NewPasswordForm | None = None) -> tuple[str, int]:
    page = render_template(
        "accounts/account.html",
        user=session["user"],
        new_password=form or NewPasswordForm(formdata=None),
        confirmed=is_confirmed(),
        confirmed_for=CONFIRMATION_SECONDS,
        locations=[
            locate_in_session(
                gettext("Since when you are logged in, and when you gave your password")
            )
        ],
    )
    return page, status
