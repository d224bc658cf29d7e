"""The box "Where is this stored?" tells what a browser really sends."""

import re

import pytest
from flask import Flask

from app.web.plain_cookies import CURRENCY, GUEST_CART, READ_ARTICLES, THEME, PlainCookie
from backends import Backend
from tests.app.conftest import on_each_state
from tests.support.visitor import Visitor


def _bytes_shown(page: str, cookie: str) -> int:
    found = re.search(rf'data-cookie="{cookie}" data-bytes="(\d+)"', page)
    assert found, f"the box does not name {cookie}"
    return int(found[1])


def _bytes_sent(visitor: Visitor, name: str) -> int:
    value = visitor.cookie(name)
    return len(f"{name}={value}") if value else 0


@pytest.mark.parametrize(
    ("cookie", "path"),
    [(THEME, "/preferences"), (CURRENCY, "/preferences"), (GUEST_CART, "/cart")],
    ids=lambda value: getattr(value, "base_name", ""),
)
def test_a_plain_cookie_costs_what_the_browser_sends_of_it(
    visitor: Visitor, cookie: PlainCookie, path: str
) -> None:
    assert _bytes_shown(visitor.get(path).text, cookie.base_name) == 0
    visitor.post("/preferences", theme="dark", currency="CHF")
    visitor.post("/cart/add", product="jar", quantity="2")
    sent = _bytes_sent(visitor, cookie.base_name)
    assert sent > len(cookie.base_name)
    assert _bytes_shown(visitor.get(path).text, cookie.base_name) == sent


def test_an_article_counts_itself_among_the_ones_read(visitor: Visitor) -> None:
    page = visitor.get("/articles/signed").text
    name = READ_ARTICLES.base_name
    assert _bytes_shown(page, name) == _bytes_sent(visitor, name) > 0


@on_each_state
@pytest.mark.parametrize("path", ["/cart", "/checkout/address", "/uploads", "/admin"])
def test_session_data_costs_its_cookie_or_only_the_token(
    lab_app: Flask, visitor: Visitor, backend: Backend, path: str
) -> None:
    visitor.post("/cart/add", product="jar", quantity="1")
    visitor.log_in()
    name = lab_app.config["SESSION_COOKIE_NAME"]
    page = visitor.get(path).text
    in_browser = backend.state == "browser"
    assert _bytes_shown(page, name) == (_bytes_sent(visitor, name) if in_browser else 0)
    assert ("On the server" in page) != in_browser
    assert visitor.token not in page
