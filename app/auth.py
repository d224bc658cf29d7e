"""Log in, log out, and the guard of pages that need a login."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Flask,
    current_app,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_limiter import Limiter, RequestLimit
from flask_limiter.util import get_remote_address
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import BooleanField, HiddenField, PasswordField, StringField, SubmitField
from wtforms.validators import InputRequired, Length

from app.accounts.database import Account, authenticate, is_logged_in, shown_accounts
from app.accounts.reauthentication import mark_confirmed
from app.cart import cart_after_login
from app.web.data_location import in_plain_cookie
from app.web.log import report_if_kept, report_visit
from app.web.plain_cookies import GUEST_CART, REMEMBERED_NAME, delete_plain, read_plain, set_plain
from backends.events import Seldom

bp = Blueprint("auth", __name__)

FAILED_LOGINS = "10 per minute"
"""For one address: enough for a person who forgot, too few for a list of passwords."""

LONGEST_NAME = 80

View = TypeVar("View", bound=Callable[..., Any])


class LoginForm(FlaskForm):
    username = StringField("Name", [InputRequired(), Length(max=LONGEST_NAME)])
    password = PasswordField("Password", [InputRequired(), Length(max=200)])
    remember = BooleanField("Remember my name on this device")
    next = HiddenField()
    submit = SubmitField("Log in")


@bp.get("/login")
def login() -> str:
    name = _remembered_name()
    form = LoginForm(next=request.args.get("next", ""), username=name, remember=bool(name))
    return _login_page(form)


@bp.post("/login")
def log_in() -> Response | tuple[str, int]:
    form = LoginForm()
    if not form.validate():
        return _login_page(form), 400
    account = authenticate(form.username.data, form.password.data)
    if account is None:
        report_visit("login failed", user=form.username.data)
        form.password.errors = ("This name and password do not fit together.",)
        return _login_page(form), 401
    if account.disabled:
        report_visit("login failed", user=account.name, reason="the account is disabled")
        form.username.errors = ("This account is disabled.",)
        return _login_page(form), 403
    _begin_session(account)
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
        report_if_kept("logout", user=session["user"])
    session.clear()
    response = redirect(local_target(request.form.get("next"), otherwise=url_for("auth.login")))
    # Not "cookies": that would end the other backends' sessions on this host too.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def login_required(view: View) -> View:
    """Send a visitor who is not logged in to the login page, and back afterwards.

    Nobody is logged out in silence: the address says which sentence the login page shows.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if is_logged_in():
            return view(*args, **kwargs)
        target = request.full_path.rstrip("?") if request.method == "GET" else ""
        return redirect(url_for("auth.login", next=target, ended=_ended()))

    return cast(View, guarded)


def _ended() -> str | None:
    """What ended the login of this browser, if it had one: `account` or `session`."""
    if "logged_in" in session:
        session.clear()
        return "account"
    cookie_name = current_app.session_interface.get_cookie_name(current_app)
    return "session" if cookie_name in request.cookies else None


def local_target(target: str | None, otherwise: str | None = None) -> str:
    """`target` where it is a path of this host, else the dashboard (or `otherwise`).

    Browsers take a backslash for a slash and drop control characters, so anything but a plain
    path is refused (CWE-601).
    """
    fallback = otherwise or url_for("dashboard.dashboard")
    if not target or not target.startswith("/") or target.startswith("//"):
        return fallback
    if "\\" in target or not target.isprintable() or urlsplit(target).netloc:
        return fallback
    return target


def init_app(app: Flask) -> None:
    """Register the pages, with failed logins limited for each address."""
    app.register_blueprint(bp)
    limiter = Limiter(
        get_remote_address, app=app, storage_uri="memory://", on_breach=_reporter(Seldom())
    )
    app.extensions["wrong_passwords"] = limiter.shared_limit(
        FAILED_LOGINS, "passwords", deduct_when=lambda response: response.status_code == 401
    )
    limit_wrong_passwords(app, bp, log_in)


def limit_wrong_passwords(app: Flask, blueprint: Blueprint, *views: Callable[..., Any]) -> None:
    """Count these views' answers 401 as failed logins of their address, and refuse too many."""
    limited = app.extensions["wrong_passwords"]
    for view in views:
        endpoint = f"{blueprint.name}.{view.__name__}"
        app.view_functions[endpoint] = limited(app.view_functions[endpoint])


def _reporter(seldom: Seldom) -> Callable[[RequestLimit], None]:
    """Logs that logins are refused, once a second: a flood of them must not fill the log."""

    def report_limited(_limit: RequestLimit) -> None:
        held_back = seldom.due()
        if held_back is not None:
            name = request.form.get("username", "")[:LONGEST_NAME]
            report_visit("login limited", user=name, more=held_back)

    return report_limited


def _login_page(form: LoginForm) -> str:
    return render_template(
        "auth/login.html",
        form=form,
        accounts=shown_accounts(),
        places=[in_plain_cookie(REMEMBERED_NAME)],
    )


def _begin_session(account: Account) -> None:
    cart = cart_after_login(account.name)
    session.clear()  # on our backends what follows gets a token of its own: no fixation
    session["user"] = account.name
    session["logged_in"] = True
    session["epoch"] = account.epoch
    mark_confirmed()
    if cart:
        session["cart"] = cart
    report_if_kept("login", user=account.name)


def _remembered_name() -> str:
    """Fills in the login form and nothing more: the password is still asked for."""
    name = read_plain(REMEMBERED_NAME)
    return name if len(name) <= LONGEST_NAME and name.isprintable() else ""
