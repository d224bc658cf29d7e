"""Flask-Login: an application of our own, and what its users do."""

import json
from typing import Any

from flask import Flask, Response, flash, get_flashed_messages, redirect, request, session, url_for
from flask_login import (
    LoginManager,
    UserMixin,
    confirm_login,
    current_user,
    fresh_login_required,
    login_required,
    login_user,
    logout_user,
)

from tests.backends.extensions.recording import Recording, Scenario

PHONE = {"User-Agent": "a telephone"}
LAPTOP = {"User-Agent": "a laptop"}

DELETED_USERS: set[str] = {"13"}
"""Their login succeeds, and at the next request they are unknown."""


class User(UserMixin):
    """A user whose id is a number; Flask-Login keeps it as text."""

    def __init__(self, number: int) -> None:
        self.id = number


class NumberedUser(User):
    """A user whose id goes into the session as a number."""

    def get_id(self) -> Any:
        return self.id


def load_user(user_id: Any) -> User | None:
    return None if str(user_id) in DELETED_USERS else User(int(user_id))


def build(app: Flask) -> LoginManager:
    """Add Flask-Login and the views."""
    manager = LoginManager(app)
    manager.user_loader(load_user)
    manager.login_view = "log_in"
    manager.refresh_view = "confirm"
    manager.needs_refresh_message = "Enter your password again."
    for name, rule, view, methods in (
        ("public", "/public", lambda: "public", ["GET"]),
        ("greeting", "/greeting", greet, ["GET"]),
        ("session", "/session", show_session, ["GET"]),
        ("account", "/account", login_required(show_account), ["GET"]),
        ("password", "/password", fresh_login_required(show_account), ["GET"]),
        ("log_in", "/login", log_in, ["GET", "POST"]),
        ("confirm", "/confirm", confirm, ["GET", "POST"]),
        ("log_out", "/logout", log_out, ["POST"]),
        ("cart", "/cart/<item>", add_to_cart, ["POST"]),
        ("broken", "/broken", fail, ["POST"]),
    ):
        app.add_url_rule(rule, name, view, methods=methods)
    return manager


def show_session() -> Response:
    """What the session holds, with the types of the values."""
    return Response(json.dumps(dict(session), sort_keys=True), mimetype="application/json")


def greet() -> str:
    user: Any = current_user
    return f"hello {user.id}" if user.is_authenticated else "hello stranger"


def show_account() -> str:
    user: Any = current_user
    return f"account of {user.id!r}"


def log_in() -> Any:
    """Show the messages, or log in and go where the visitor wanted to go."""
    if request.method == "GET":
        return {"messages": get_flashed_messages(with_categories=True)}
    kind = NumberedUser if request.form.get("numbered") else User
    if request.form.get("permanent"):
        session.permanent = True
    user = kind(request.form.get("user", 42, type=int))
    login_user(user, remember=bool(request.form.get("remember")))
    flash("Welcome.", "success")
    return redirect(request.args.get("next") or session.pop("next", None) or url_for("account"))


def confirm() -> Any:
    if request.method == "GET":
        return log_in()
    confirm_login()
    return redirect(request.args.get("next") or url_for("account"))


def log_out() -> Any:
    logout_user()
    flash("Goodbye.")
    return redirect(url_for("greeting"))


def add_to_cart(item: str) -> Any:
    session.setdefault("cart", []).append(item)
    session.modified = True
    return "added"


def fail() -> str:
    session["broken"] = True
    raise ValueError("a defect of the application")


def log_in_and_out(browser: Recording) -> None:
    browser.get("public page", "/public")
    browser.get("greeting of a stranger", "/greeting")
    refused = browser.get("account of a stranger", "/account?page=2")
    browser.get("login page", refused.location)
    browser.get("login page again", "/login")
    response = browser.post("login", refused.location, data={"user": "42"})
    browser.get("account", response.location)
    browser.get("session", "/session")
    browser.get("public page of a user", "/public")
    browser.send("only the headers", "HEAD", "/account")
    browser.get("no such page", "/nowhere")
    browser.get("welcome", "/login")
    browser.post("logout", "/logout")
    browser.get("greeting after the logout", "/greeting")
    browser.get("account after the logout", "/account")
    browser.get("session after the logout", "/session")


def replay_after_logout(browser: Recording) -> None:
    browser.post("login", "/login")
    kept = browser.client.get_cookie("session")
    assert kept is not None
    browser.post("logout", "/logout")
    browser.client.set_cookie("session", kept.value)
    browser.get("the token from before the logout", "/greeting")


def remember(browser: Recording) -> None:
    browser.post("login", "/login", data={"remember": "1"})
    browser.get("session", "/session")
    browser.get("password", "/password")
    browser.close()
    browser.get("account after a restart of the browser", "/account")
    browser.get("remembered session", "/session")
    refused = browser.get("password of a remembered user", "/password")
    browser.get("confirmation page", refused.location)
    browser.post("confirmation", refused.location)
    browser.get("password after the confirmation", "/password")
    browser.get("confirmed session", "/session")
    browser.wait(days=30)
    browser.get("a month later", "/account")
    browser.post("logout", "/logout")
    browser.get("account after the logout", "/account")


def change_device(browser: Recording) -> None:
    browser.post("cart", "/cart/book", headers=LAPTOP)
    browser.post("login", "/login", headers=LAPTOP, data={"remember": "1"})
    browser.get("account", "/account", headers=LAPTOP)
    for page in ("public", "greeting", "session", "account", "password"):
        browser.get(f"{page} elsewhere", f"/{page}", headers=PHONE)
    for page in ("account", "session"):
        browser.get(f"{page} back here", f"/{page}", headers=LAPTOP)


def change_user(browser: Recording) -> None:
    browser.post("cart", "/cart/book")
    browser.post("first login", "/login", data={"user": "42"})
    browser.post("cart of the first user", "/cart/pen")
    browser.post("second login", "/login", data={"user": "43", "numbered": "1"})
    browser.get("account of the second user", "/account")
    browser.get("session", "/session")
    browser.post("cart of the second user", "/cart/ink")
    browser.post("login of a user who is deleted", "/login", data={"user": "13"})
    browser.get("account of a deleted user", "/account")
    browser.get("session of a deleted user", "/session")
    browser.post("logout of a deleted user", "/logout")
    browser.get("session after the logout", "/session")


def stay_for_weeks(browser: Recording) -> None:
    browser.post("login", "/login", data={"permanent": "1"})
    browser.get("account", "/account")
    browser.get("public page", "/public")
    for week in range(1, 7):
        browser.wait(days=7)
        browser.get(f"public page in week {week}", "/public")
        browser.get(f"account in week {week}", "/account")
    browser.wait(days=32)
    browser.get("account after a month away", "/account")
    browser.get("session after a month away", "/session")


def come_every_three_weeks(browser: Recording) -> None:
    browser.post("login", "/login", data={"permanent": "1"})
    browser.get("same day", "/greeting")
    browser.wait(days=21)
    browser.get("after three weeks", "/greeting")
    browser.wait(days=21)
    browser.get("after six weeks", "/greeting")


def meet_a_defect(browser: Recording) -> None:
    browser.post("login", "/login")
    browser.post("a view that fails", "/broken")
    browser.get("session", "/session")
    browser.post("a method that is not allowed", "/greeting")


SCENARIOS = [
    Scenario("login and logout", build, log_in_and_out),
    Scenario(
        *("login and logout, next in the session", build, log_in_and_out),
        {"USE_SESSION_FOR_NEXT": True},
    ),
    Scenario("replay after logout", build, replay_after_logout),
    Scenario("remember me", build, remember),
    Scenario(
        *("remember me, prolonged by each request", build, remember),
        {"REMEMBER_COOKIE_REFRESH_EACH_REQUEST": True, "REMEMBER_COOKIE_SAMESITE": "Lax"},
    ),
    *(
        Scenario(
            *(f"change of device, {mode} protection", build, change_device),
            {"SESSION_PROTECTION": mode},
        )
        for mode in ("basic", "strong")
    ),
    Scenario("change of user", build, change_user),
    Scenario("permanent session", build, stay_for_weeks),
    Scenario(
        *("permanent session, every three weeks, not refreshed", build, come_every_three_weeks),
        {"SESSION_REFRESH_EACH_REQUEST": False},
    ),
    Scenario("permanent session, every three weeks", build, come_every_three_weeks),
    Scenario("defect", build, meet_a_defect, {"PROPAGATE_EXCEPTIONS": False}),
]
