"""The account's own page: its password, its e-mail address, and what an administrator may do."""

from flask import (
    Blueprint,
    Flask,
    abort,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import BooleanField, PasswordField, StringField
from wtforms.validators import InputRequired, Length, Optional, Regexp

from app import accounts
from app.auth import limit_wrong_passwords, login_required
from app.events import report_if_kept
from app.step_up import (
    CONFIRMED_FOR,
    Page,
    confirm,
    fresh_password_required,
    is_confirmed,
    is_own_password,
)
from app.where import in_session

bp = Blueprint("account", __name__)

SHORTEST_PASSWORD = 8
"""Characters: the least that OWASP ASVS 5.0, 6.2.1 allows."""

CHANGES = {
    "disable": accounts.disable,
    "enable": accounts.enable,
    "end-sessions": accounts.end_sessions,
}
"""What an administrator may do to another account (OWASP ASVS 5.0, 7.4.2 and 7.4.5)."""

DONE = {
    "password": "Your password is changed. Your other sessions go on.",
    "password-and-sessions": "Your password is changed, and all your other sessions have ended.",
    "email": "Your e-mail address is changed.",
    "disable": "The account is disabled, and all its sessions have ended.",
    "end-sessions": "All sessions of the account have ended.",
    "enable": "The account may log in again.",
}
"""What became of a change: a code for the address, a sentence for the page."""


class NewPasswordForm(FlaskForm):
    current = PasswordField("Your password now", [InputRequired(), Length(max=200)])
    new = PasswordField(
        "The new one",
        [
            InputRequired(),
            Length(SHORTEST_PASSWORD, 200, f"Give at least {SHORTEST_PASSWORD} characters."),
        ],
    )
    end_others = BooleanField("End all my other sessions", default=True)


class EmailForm(FlaskForm):
    email = StringField(
        "E-mail address",
        [Optional(), Length(max=200), Regexp(r"[^@\s]+@[^@\s]+$", message="Give name@host.")],
    )


@bp.get("/account")
@login_required
def index() -> Page:
    return _page()


@bp.post("/account/password")
@login_required
def change_password() -> Page:
    """Needs the present password, however short ago it was given (OWASP ASVS 5.0, 7.5.1)."""
    form = NewPasswordForm()
    if not form.validate():
        return _page(400, new_password=form)
    if not is_own_password(form.current.data):
        form.current.errors = ("This is not your password.",)
        return _page(401, new_password=form)
    accounts.change_password(session["user"], form.new.data)
    if form.end_others.data:
        accounts.end_other_sessions(session["user"])
    confirm()
    code = "password-and-sessions" if form.end_others.data else "password"
    return _done(code, session["user"])


def _ask_here(status: int, problem: str) -> Page:
    return _page(status, problem=problem)


@bp.post("/account/email")
@login_required
@fresh_password_required(_ask_here)
def change_email() -> Page:
    form = EmailForm()
    if not form.validate() or form.email.data is None:
        return _page(400, email=form)
    accounts.change_email(session["user"], form.email.data)
    return _done("email", session["user"])


@bp.post("/account/disable", defaults={"change": "disable"})
@bp.post("/account/enable", defaults={"change": "enable"})
@bp.post("/account/end-sessions", defaults={"change": "end-sessions"})
@login_required
@fresh_password_required(_ask_here)
def change_another(change: str) -> Page:
    """One of `CHANGES`, to the account that the form names."""
    name = _name_of_another()
    CHANGES[change](name)
    return _done(change, name)


def init_app(app: Flask) -> None:
    """Register the page; a wrong password counts here as it does at the login."""
    app.register_blueprint(bp)
    limit_wrong_passwords(app, bp, change_password, change_email, change_another)


def _name_of_another() -> str:
    """The account that the form names, for an administrator and not his own."""
    if not accounts.is_admin(session["user"]):
        abort(403, "This is for administrators only.")
    name = request.form.get("name", "")
    if not accounts.exists(name) or name == session["user"]:
        abort(400, "Name an account that there is, and not your own.")
    return name


def _done(code: str, whose: str) -> Response:
    report_if_kept("account changed", change=code, user=whose, by=session["user"])
    return redirect(url_for("account.index", done=code))


def _page(
    status: int = 200,
    new_password: NewPasswordForm | None = None,
    email: EmailForm | None = None,
    problem: str | None = None,
) -> tuple[str, int]:
    user = session["user"]
    own = accounts.account_of(user)
    page = render_template(
        "account/index.html",
        user=user,
        new_password=new_password or NewPasswordForm(formdata=None),
        email=email or EmailForm(formdata=None, obj=own),
        problem=problem,
        done=DONE.get(request.args.get("done", "")),
        confirmed=is_confirmed(),
        confirmed_for=CONFIRMED_FOR,
        others=_others(user) if accounts.is_admin(user) else [],
        places=[in_session("Since when you are logged in, and when you gave your password")],
    )
    return page, status


def _others(user: str) -> list[accounts.Account]:
    """Every account but this one."""
    found = map(accounts.account_of, accounts.account_names())
    return [account for account in found if account is not None and account.name != user]
