"""Preferences without a login: theme, language, currency and layout as plain cookies."""

from decimal import Decimal
from typing import NamedTuple

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import format_decimal
from werkzeug.wrappers import Response
from wtforms import SelectField

from app.languages.forms import PageForm
from app.languages.language import LANGUAGES, visitor_language
from app.languages.texts import gettext
from app.web.data_location import locate_plain_cookie
from app.web.plain_cookies import (
    CURRENCY,
    LANGUAGE,
    LAYOUT,
    THEME,
    delete_plain,
    read_plain,
    set_plain,
)

bp = Blueprint("preferences", __name__)

RATES = {
    "EUR": Decimal("1"),
    "USD": Decimal("1.10"),
    "GBP": Decimal("0.85"),
    "CHF": Decimal("0.95"),
}
"""The value of one euro; invented, and never updated."""

CHOICES = {
    THEME: ("auto", "light", "dark"),
    LANGUAGE: LANGUAGES,
    CURRENCY: tuple(RATES),
    LAYOUT: ("comfortable", "compact"),
}
"""The values that each cookie may have. The first is the default."""


class Preferences(NamedTuple):
    theme: str
    language: str
    currency: str
    layout: str


class PreferencesForm(PageForm):
    theme = SelectField(THEME.what, choices=CHOICES[THEME])
    language = SelectField(LANGUAGE.what, choices=CHOICES[LANGUAGE])
    currency = SelectField(CURRENCY.what, choices=CHOICES[CURRENCY])
    layout = SelectField(LAYOUT.what, choices=CHOICES[LAYOUT])


def current_preferences() -> Preferences:
    """The browser's choices; the default for a missing or unknown value."""
    sent = {**{cookie: read_plain(cookie) for cookie in CHOICES}, LANGUAGE: visitor_language()}
    return Preferences(
        *(sent[cookie] if sent[cookie] in known else known[0] for cookie, known in CHOICES.items())
    )


def in_currency(cents: int, currency: str) -> int:
    """Euro cents as the hundredths of another currency."""
    return round(cents * RATES[currency])


@bp.app_template_filter()
def money(hundredths: int, currency: str) -> str:
    """An amount for people: `USD 5.50`."""
    amount = format_decimal(Decimal(hundredths) / 100, "0.00")
    return gettext("%(currency)s %(amount)s", currency=currency, amount=amount)


@bp.route("/preferences", methods=["GET", "POST"])
def index() -> Response | tuple[str, int]:
    """Show the choices, or save those of the form."""
    preferences = current_preferences()
    form = PreferencesForm(request.form, data=preferences._asdict())
    if form.validate_on_submit():
        response = redirect(url_for("preferences.index"))
        for cookie in CHOICES:
            set_plain(response, cookie, form[cookie.base_name].data)
        return response
    page = render_template(
        "demos/preferences.html",
        form=form,
        chosen=preferences._asdict(),
        sample=money(in_currency(1490, preferences.currency), preferences.currency),
        locations=[locate_plain_cookie(cookie) for cookie in CHOICES],
    )
    return page, 400 if form.errors else 200


@bp.post("/preferences/reset")
def reset() -> Response:
    response = redirect(url_for("preferences.index"))
    for cookie in CHOICES:
        delete_plain(response, cookie)
    return response
