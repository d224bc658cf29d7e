"""Preferences: kept by the browser, without login and without a session."""

import pytest
from flask import Flask

from app.demos.preferences import CHOICES, in_currency, money
from app.web.plain_cookies import CURRENCY, PlainCookie
from tests.support.visitor import Visitor

CHOSEN = {"theme": "dark", "language": "de", "currency": "USD", "layout": "compact"}


def _kept(visitor: Visitor) -> dict[str, str]:
    kept = {cookie.base_name: visitor.cookie(cookie.base_name) for cookie in CHOICES}
    return {name: value for name, value in kept.items() if value}


@pytest.mark.parametrize("cookie", CHOICES, ids=lambda cookie: cookie.base_name)
def test_each_choice_is_kept_in_its_own_cookie_and_shown(
    visitor: Visitor, cookie: PlainCookie
) -> None:
    for value in CHOICES[cookie]:
        assert visitor.post("/preferences", **{cookie.base_name: value}).status_code < 400
        assert _kept(visitor)[cookie.base_name] == value
        assert f'value="{value}" selected>' in visitor.get("/preferences").text


def test_saving_one_choice_leaves_the_others(visitor: Visitor) -> None:
    visitor.post("/preferences", **CHOSEN)
    visitor.post("/preferences", theme="light")
    assert _kept(visitor) == {**CHOSEN, "theme": "light"}


@pytest.mark.parametrize("name", CHOSEN)
def test_an_unknown_value_is_refused_and_changes_nothing(visitor: Visitor, name: str) -> None:
    visitor.post("/preferences", **CHOSEN)
    for value in ("", "blue", CHOSEN[name].swapcase(), "x" * 5000, f"{CHOSEN[name]}\r\nX: y"):
        refused = visitor.post("/preferences", **{**CHOSEN, name: value})
        assert refused.status_code == 400, value
        assert _kept(visitor) == CHOSEN


@pytest.mark.parametrize("cookie", CHOICES, ids=lambda cookie: cookie.base_name)
def test_a_cookie_with_an_unknown_value_counts_as_the_default(
    visitor: Visitor, cookie: PlainCookie
) -> None:
    visitor.client.set_cookie(cookie.base_name, "blue")
    page = visitor.get("/preferences").text
    assert f'value="{CHOICES[cookie][0]}" selected>' in page
    assert "blue" not in page


def test_forgetting_leaves_no_cookie(visitor: Visitor) -> None:
    visitor.post("/preferences", **CHOSEN)
    visitor.post("/preferences/reset")
    assert _kept(visitor) == {}


def test_choices_outlive_login_and_logout(visitor: Visitor) -> None:
    visitor.post("/preferences", **CHOSEN)
    visitor.log_in()
    visitor.post("/logout")
    assert _kept(visitor) == CHOSEN


def test_prices_appear_in_the_chosen_currency(visitor: Visitor) -> None:
    assert "EUR 14.90" in visitor.get("/cart").text
    visitor.post("/preferences", currency="USD")
    page = visitor.get("/cart").text
    assert "USD 16.39" in page
    assert "EUR" not in page


def test_the_layout_changes_the_distances(visitor: Visitor) -> None:
    comfortable = visitor.get("/articles").text
    visitor.post("/preferences", layout="compact")
    compact = visitor.get("/articles").text
    assert comfortable.count("py-3") == compact.count("py-1") > 0
    assert "py-3" not in compact


@pytest.mark.parametrize("currency", CHOICES[CURRENCY])
def test_amounts_have_two_digits_after_the_point(lab_app: Flask, currency: str) -> None:
    with lab_app.test_request_context():
        whole, _, hundredths = money(in_currency(5, currency), currency).partition(".")
    assert whole == f"{currency} 0"
    assert len(hundredths) == 2
