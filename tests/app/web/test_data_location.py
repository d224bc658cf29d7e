"""The box "Where is this stored?" tells what a browser really sends."""

import re

from app.web.plain_cookies import CURRENCY, GUEST_CART, READ_ARTICLES, THEME
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


def test_a_plain_cookie_costs_what_the_browser_sends_of_it(visitor: Visitor) -> None:
    places = ((THEME, "/preferences"), (CURRENCY, "/preferences"), (GUEST_CART, "/cart"))
    for cookie, path in places:
        assert _bytes_shown(visitor.get(path).text, cookie.base_name) == 0
    visitor.post("/preferences", theme="dark", currency="CHF")
    visitor.post("/cart/add", product="jar", quantity="2")
    for cookie, path in places:
        sent = _bytes_sent(visitor, cookie.base_name)
        assert sent > len(cookie.base_name)
        assert _bytes_shown(visitor.get(path).text, cookie.base_name) == sent


def test_an_article_counts_itself_among_the_ones_read(visitor: Visitor) -> None:
    page = visitor.get("/articles/signed").text
    name = READ_ARTICLES.base_name
    assert _bytes_shown(page, name) == _bytes_sent(visitor, name) > 0


@on_each_state
def test_session_data_costs_its_cookie_or_only_the_token(
    visitor: Visitor, backend: Backend
) -> None:
    visitor.post("/cart/add", product="jar", quantity="1")
    visitor.log_in()
    in_browser = backend.state == "browser"
    for path in ("/cart", "/checkout/address", "/uploads", "/admin"):
        page, name = visitor.get(path).text, visitor.cookie_name
        assert _bytes_shown(page, name) == (_bytes_sent(visitor, name) if in_browser else 0)
        assert ("On the server" in page) != in_browser
        assert visitor.token not in page
