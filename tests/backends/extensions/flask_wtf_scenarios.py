"""Flask-WTF: an application of our own, and what its visitors send."""

import re
from typing import Any

from flask import Flask, flash, redirect, render_template_string, session, url_for
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from tests.backends.extensions.recording import Recording, Scenario
from tests.support.bare import log_out

PAGE = """
{% for category, message in get_flashed_messages(with_categories=true) %}
<p class="{{ category }}">{{ message }}</p>
{% endfor %}
<form method="post">{{ form.hidden_tag() }} {{ form.name() }} {{ form.name.errors }}</form>
"""


class NameForm(FlaskForm):
    name = StringField(validators=[DataRequired(), Length(max=10)])


def build(app: Flask) -> CSRFProtect:
    """Add Flask-WTF and the views."""
    protection = CSRFProtect(app)
    app.add_url_rule("/form", view_func=show_form, methods=["GET", "POST"])
    app.add_url_rule("/token", view_func=show_token)
    app.add_url_rule("/public", "public", lambda: "public")
    app.add_url_rule("/session", "session", lambda: dict(session))
    app.add_url_rule("/api", "api", lambda: {"saved": True}, methods=["POST"])
    app.add_url_rule("/webhook", view_func=protection.exempt(receive_webhook), methods=["POST"])
    app.add_url_rule("/logout", view_func=log_out, methods=["POST"])
    app.register_error_handler(CSRFError, lambda error: (f"refused: {error.description}", 400))
    return protection


def show_form() -> Any:
    form = NameForm()
    if form.validate_on_submit():
        session["name"] = form.name.data
        flash(f"Hello {form.name.data}.", "success")
        return redirect(url_for("show_form"))
    return render_template_string(PAGE, form=form)


def show_token() -> str:
    return f'<meta name="csrf-token" content="{generate_csrf()}">'


def receive_webhook() -> str:
    return "received"


def read_token(browser: Recording) -> str:
    """The token on the page that was shown last."""
    found = re.search(r'name="csrf[-_]token".*?(?:value|content)="([^"]+)"', browser.body)
    assert found is not None, browser.body
    return found[1]


def fill_form(browser: Recording) -> None:
    browser.get("public page", "/public")
    browser.get("form", "/form")
    token = read_token(browser)
    browser.get("session", "/session")
    browser.post("empty form", "/form", data={"csrf_token": token, "name": ""})
    browser.post("long name", "/form", data={"csrf_token": token, "name": "x" * 11})
    again = read_token(browser)
    browser.post("form with a name", "/form", data={"csrf_token": again, "name": "Ada"})
    browser.get("form with a message", "/form")
    browser.get("form without the message", "/form")
    browser.get("session with a name", "/session")
    browser.post("first token again", "/form", data={"csrf_token": token, "name": "Bob"})
    browser.send("only the headers", "HEAD", "/form")


def send_header(browser: Recording) -> None:
    browser.post("without a session", "/api", json={})
    browser.get("token", "/token")
    token = read_token(browser)
    browser.post("header", "/api", json={}, headers={"X-CSRFToken": token})
    browser.post("header of another name", "/api", json={}, headers={"X-CSRF-Token": token})
    browser.post("no header", "/api", json={})
    browser.post("exempt view", "/webhook", json={})
    browser.get("token again", "/token")
    browser.get("session", "/session")


def send_wrong_tokens(browser: Recording) -> None:
    stranger = browser.other()
    stranger.get("form of a stranger", "/form")
    foreign = read_token(stranger)
    browser.post("foreign token without a session", "/form", data={"csrf_token": foreign})
    browser.get("form", "/form")
    token = read_token(browser)
    browser.post("no token", "/form", data={"name": "Ada"})
    for label, value in (
        ("foreign token", foreign),
        ("damaged token", token[:-1]),
        ("token that is none", "x"),
        ("token that is not ASCII", "ü€\x00"),
        ("good token", token),
    ):
        browser.post(label, "/form", data={"csrf_token": value, "name": "Ada"})
    browser.get("form afterwards", "/form")
    browser.get("session", "/session")


def log_out_with_an_open_form(browser: Recording) -> None:
    browser.get("form", "/form")
    token = read_token(browser)
    browser.post("logout", "/logout", headers={"X-CSRFToken": token})
    browser.get("session", "/session")
    browser.post("open form", "/form", data={"csrf_token": token, "name": "Ada"})
    browser.get("form again", "/form")
    fresh = read_token(browser)
    browser.post("open form again", "/form", data={"csrf_token": token, "name": "Ada"})
    browser.post("new form", "/form", data={"csrf_token": fresh, "name": "Ada"})


SCENARIOS = [
    Scenario("form", build, fill_form),
    Scenario("header", build, send_header, {"WTF_CSRF_HEADERS": ["X-CSRFToken"]}),
    Scenario("wrong tokens", build, send_wrong_tokens),
    Scenario("logout with an open form", build, log_out_with_an_open_form),
]
