"""Plain cookies: what the browser is told of each, what each may come back as, what it costs."""

import re

import pytest
from flask import Flask
from werkzeug.wrappers import Response

from app.web import plain_cookies
from app.web.plain_cookies import (
    CURRENCY,
    GUEST_CART,
    READ_ARTICLES,
    THEME,
    PlainCookie,
    delete_plain,
    read_plain,
    set_plain,
)
from backends import Backend
from tests.app.conftest import MakeLab, on_each_state
from tests.support.covers import covers
from tests.support.visitor import Visitor

COOKIES = [value for value in vars(plain_cookies).values() if isinstance(value, PlainCookie)]

PUBLIC_PATHS = ("/", "/login", "/preferences", "/articles", "/articles/signed", "/user/alice")

HOSTILE = [
    "",
    "x" * 7000,
    "jar:1." * 1500,
    "\xfc\xff",
    "\x00\x01",
    "%00%0d%0aSet-Cookie:x=y",
    "%ff%fe%f0%9f",
    '"\\012\\377',
    "jar:%D9%A3",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "%3Cscript%3Ealert(1)%3C/script%3E",
]


@pytest.fixture(params=["development", "production"])
def app(request: pytest.FixtureRequest, make_lab: MakeLab) -> Flask:
    return make_lab(in_production=request.param == "production")


def _attributes(header: str) -> set[str]:
    parts = header.split("; ")[1:]
    return {part for part in parts if not part.startswith(("Expires=", "Max-Age="))}


@covers("RF-06")
def test_a_cookie_is_deleted_with_the_attributes_it_was_set_with(app: Flask) -> None:
    is_production = app.config["APP_PROFILE"] == "production"
    for cookie in COOKIES:
        with app.test_request_context():
            name = cookie.name
            was_set, unsent = Response(), Response()
            set_plain(was_set, cookie, "x")
            delete_plain(unsent, cookie)
        with app.test_request_context(headers={"Cookie": f"{name}=x"}):
            deleted = Response()
            delete_plain(deleted, cookie)
        expected = {"Path=/", "SameSite=Lax"}
        expected |= set() if cookie.readable_by_script else {"HttpOnly"}
        expected |= {"Secure"} if is_production else set()
        assert _attributes(was_set.headers["Set-Cookie"]) == expected
        assert _attributes(deleted.headers["Set-Cookie"]) == expected
        assert "Set-Cookie" not in unsent.headers
        assert name.startswith("__Host-") == (is_production and not cookie.readable_by_script)


def test_any_text_comes_back_as_it_was_set(app: Flask) -> None:
    for value in ("Zoë", 'a;b="c"\\', "x y,z", "日本", "%41", "jar:1.tea:2"):
        with app.test_request_context():
            response = Response()
            set_plain(response, plain_cookies.REMEMBERED_NAME, value)
        sent = response.headers["Set-Cookie"].partition(";")[0]
        assert sent.isascii()
        assert not set(sent) & set(' ",;\\')
        with app.test_request_context(headers={"Cookie": sent}):
            assert read_plain(plain_cookies.REMEMBERED_NAME) == value


def test_a_visitor_without_a_login_leaves_nothing_behind(visitor: Visitor) -> None:
    for path in (*PUBLIC_PATHS, "/cart"):
        assert visitor.get(path).status_code == 200
    visitor.post("/preferences", theme="dark")
    visitor.post("/cart/add", product="jar", quantity="1")
    visitor.get("/checkout")
    visitor.post("/articles/forget")
    visitor.log_in("alice", "wrong")
    assert not visitor.has_token
    visitor.post("/logout")
    assert not visitor.has_token


def test_a_public_page_does_not_look_at_the_session(visitor: Visitor) -> None:
    visitor.log_in()
    for path in PUBLIC_PATHS:
        assert not visitor.uses_session(path), path


def test_no_plain_cookie_value_breaks_or_enters_a_page(lab_app: Flask) -> None:
    client = lab_app.test_client(use_cookies=False)
    for value in HOSTILE:
        cookies = "; ".join(f"{cookie.base_name}={value}" for cookie in COOKIES)
        headers = {"Cookie": cookies, "Origin": "http://localhost"}
        for path in (*PUBLIC_PATHS, "/cart"):
            response = client.get(path, headers=headers)
            assert response.status_code == 200, value
            assert "<script>alert" not in response.text
        item = {"product": "jar", "quantity": "1"}
        assert client.post("/cart/add", data=item, headers=headers).status_code == 302, value
        login = {"username": "alice", "password": "wonderland"}
        assert client.post("/login", data=login, headers=headers).status_code == 302, value


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
