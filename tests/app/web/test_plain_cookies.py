"""Plain cookies: what the browser is told of each, and what each may come back as."""

import pytest
from flask import Flask
from werkzeug.wrappers import Response

from app.web import plain_cookies
from app.web.plain_cookies import PlainCookie, delete_plain, read_plain, set_plain
from tests.app.conftest import MakeLab
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


@pytest.mark.parametrize("cookie", COOKIES, ids=lambda cookie: cookie.base_name)
@covers("RF-06")
def test_a_cookie_is_deleted_with_the_attributes_it_was_set_with(
    app: Flask, cookie: PlainCookie
) -> None:
    with app.test_request_context():
        name = cookie.name
        was_set = Response()
        set_plain(was_set, cookie, "x")
    with app.test_request_context(headers={"Cookie": f"{name}=x"}):
        deleted = Response()
        delete_plain(deleted, cookie)
    is_production = app.config["APP_PROFILE"] == "production"
    expected = {"Path=/", "SameSite=Lax"}
    expected |= set() if cookie.readable_by_script else {"HttpOnly"}
    expected |= {"Secure"} if is_production else set()
    assert _attributes(was_set.headers["Set-Cookie"]) == expected
    assert _attributes(deleted.headers["Set-Cookie"]) == expected
    assert name.startswith("__Host-") == (is_production and not cookie.readable_by_script)


def test_only_a_cookie_that_was_sent_is_deleted(app: Flask) -> None:
    with app.test_request_context():
        response = Response()
        delete_plain(response, plain_cookies.THEME)
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("value", ["Zoë", 'a;b="c"\\', "x y,z", "日本", "%41", "jar:1.tea:2"])
def test_any_text_comes_back_as_it_was_set(app: Flask, value: str) -> None:
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


@pytest.mark.parametrize("path", PUBLIC_PATHS)
def test_a_public_page_does_not_look_at_the_session(visitor: Visitor, path: str) -> None:
    visitor.log_in()
    assert not visitor.uses_session(path)


@pytest.mark.parametrize("value", HOSTILE)
def test_no_plain_cookie_value_breaks_or_enters_a_page(lab_app: Flask, value: str) -> None:
    names = [cookie.base_name for cookie in COOKIES]
    headers = {
        "Cookie": "; ".join(f"{name}={value}" for name in names),
        "Origin": "http://localhost",
    }
    client = lab_app.test_client(use_cookies=False)
    for path in (*PUBLIC_PATHS, "/cart"):
        response = client.get(path, headers=headers)
        assert response.status_code == 200
        assert "<script>alert" not in response.text
    item = {"product": "jar", "quantity": "1"}
    assert client.post("/cart/add", data=item, headers=headers).status_code == 302
    login = {"username": "alice", "password": "wonderland"}
    assert client.post("/login", data=login, headers=headers).status_code == 302
