"""Log in and log out."""

from flask import Blueprint, current_app, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response
from wtforms import BooleanField, HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

from app.accounts.access import Page, local_target
from app.accounts.database import Account, authenticate, list_demo_accounts
from app.accounts.guesses import MAX_NAME_CHARACTERS, limit_wrong_passwords
from app.accounts.reauthentication import mark_confirmed
from app.demos.cart import cart_after_login
from app.languages.forms import PageForm
from app.languages.texts import gettext, lazy_gettext
from app.web.data_location import locate_plain_cookie
from app.web.log import log_if_saved, log_visitor_event
from app.web.plain_cookies import GUEST_CART, REMEMBERED_NAME, delete_plain, read_plain, set_plain
from backends import backend_of

bp = Blueprint("login", __name__)


class LoginForm(PageForm):
    username = StringField(lazy_gettext("Name"), [InputRequired(), Length(max=MAX_NAME_CHARACTERS)])
    password = PasswordField(lazy_gettext("Password"), [InputRequired(), Length(max=200)])
    keep = BooleanField(lazy_gettext("Keep me logged in"))
    remember = BooleanField(lazy_gettext("Remember my name on this device"))
    next = HiddenField()


@bp.get("/login")
def login() -> str:
    name = _remembered_name()
    form = LoginForm(next=request.args.get("next", ""), username=name, remember=bool(name))
    return _login_page(form)


@bp.post("/login")
@limit_wrong_passwords
def log_in() -> Page:
    form = LoginForm(request.form)
    if not form.validate():
        return _login_page(form), 400
    account = authenticate(form.username.data, form.password.data)
    if account is None:
        log_visitor_event("login failed", user=form.username.data)
        form.password.errors = (gettext("Wrong name or password."),)
        return _login_page(form), 401
    if account.disabled:
        log_visitor_event("login failed", user=account.name, reason="the account is disabled")
        form.username.errors = (gettext("This account is disabled."),)
        return _login_page(form), 403
    _begin_session(account, keep=form.keep.data)
    response = redirect(local_target(form.next.data))
    delete_plain(response, GUEST_CART)
    if form.remember.data:
        set_plain(response, REMEMBERED_NAME, form.username.data)
    else:
        delete_plain(response, REMEMBERED_NAME)
    return response


@bp.post("/logout")
def logout() -> Response:
    if "logged_in" in session:
        log_if_saved("logout", user=session["user"])
    session.clear()
    response = redirect(url_for("login.login", ended="logout"))
    # Without "cookies", which would end the other backends' sessions on this host too.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _login_page(form: LoginForm) -> str:
    return render_template(
        "login.html",
        form=form,
        accounts=list_demo_accounts(),
        kept_seconds=_kept_seconds(),
        locations=[locate_plain_cookie(REMEMBERED_NAME)],
    )


def _kept_seconds() -> int:
    """How long a browser is kept logged in: what ships knows the idle limit alone."""
    is_stock = backend_of(current_app).stock
    name = "SESSION_IDLE_SECONDS" if is_stock else "SESSION_REMEMBERED_SECONDS"
    return int(current_app.config[name])


def _begin_session(account: Account, *, keep: bool) -> None:
    """Log in, until the browser closes, or for longer if the person asked for it."""
    cart = cart_after_login(account.name)
    session.clear()  # the new login gets a new token: no session fixation
    if keep:
        session.permanent = True
    session["user"] = account.name
    session["logged_in"] = True
    session["epoch"] = account.epoch
    mark_confirmed()
    if cart:
        session["cart"] = cart
    log_if_saved("login", user=account.name)


def _remembered_name() -> str:
    """The name for the login form; the password is still asked for."""
    name = read_plain(REMEMBERED_NAME)
    return name if len(name) <= MAX_NAME_CHARACTERS and name.isprintable() else ""
