"""What each browser of the laboratory does: its own, and Debian's Chromium."""

from collections.abc import Iterator

import pytest

from app.lab.browser.chromium import chromium
from app.lab.browser.client import AnyBrowser, Browser
from tests.lab.browser.tiny_site import Reply, TinySite
from tests.support.services import require


@pytest.fixture(params=["own", "chromium"])
def browser(request: pytest.FixtureRequest) -> Iterator[AnyBrowser]:
    if request.param == "own":
        yield Browser()
        return
    require("chromium", "chromium")
    with chromium() as make_browser:
        yield make_browser()


def test_an_exchange_is_what_was_sent_and_answered(browser: AnyBrowser, site: TinySite) -> None:
    site.replies["/form"] = Reply(
        status=403, headers=(("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")), body=b"no, \xc3\xa9"
    )
    typed = browser.get(site.url("/form"))
    exchange = browser.post(site.url("/form"), {"submit": "ü & =", "next": ""})
    received = site.last("/form")
    assert (received.method, received.body) == ("POST", b"submit=%C3%BC+%26+%3D&next=")
    assert (received.header("sec-fetch-mode"), received.header("sec-fetch-site")) == (
        *("navigate", "same-origin"),
    )
    assert received.header("origin") == site.url("")
    assert received.header("cookie") == "a=1; b=2"
    assert (exchange.method, exchange.url) == ("POST", site.url("/form"))
    assert (exchange.status, typed.cookie_bytes, exchange.cookie_bytes) == (403, 0, len("a=1; b=2"))
    assert exchange.set_cookie_bytes == len("a=1") + len("b=2")
    assert len(exchange.body) > 0


def test_a_redirect_is_not_followed_and_its_cookies_kept_or_named(
    browser: AnyBrowser, site: TinySite
) -> None:
    flags = "Secure; HttpOnly; SameSite=Strict"
    cookies = (f"a=1; {flags}", "large=" + "x" * 4096, "__Host-bare=1; Path=/")
    headers = (("Location", "/next"), *(("Set-Cookie", each) for each in cookies))
    site.replies["/"] = Reply(status=302, headers=headers)
    exchange = browser.get(site.url("/"))
    assert (exchange.status, exchange.header("location")) == (302, "/next")
    assert [refused.name for refused in exchange.refused] == ["large", "__Host-bare"]
    assert [request.target for request in site.received] == ["/"]
    (cookie,) = browser.jar
    assert (cookie.name, cookie.value, cookie.path, cookie.expires) == ("a", "1", "/", None)
    assert (cookie.secure, cookie.http_only, cookie.same_site) == (True, True, "Strict")


def test_nothing_is_loaded_that_a_page_asks_for(browser: AnyBrowser, site: TinySite) -> None:
    site.replies["/"] = Reply(body=b'<!doctype html><script src="/script.js"></script>')
    browser.get(site.url("/"))
    browser.get(site.url("/other"))
    assert [request.target for request in site.received] == ["/", "/other"]


def test_document_cookie_is_read_without_a_request(browser: AnyBrowser, site: TinySite) -> None:
    site.sets("/shop/", "open=1", "hidden=2; HttpOnly")
    browser.get(site.url("/shop/"))
    assert browser.document_cookie(site.url("/shop/cart")) == "open=1"
    assert browser.document_cookie(site.url("/")) == ""
    assert [request.target for request in site.received] == ["/shop/"]


def test_session_cookies_end_when_it_is_opened_again(browser: AnyBrowser, site: TinySite) -> None:
    site.sets("/", "short=1", "long=2; Max-Age=3600")
    browser.get(site.url("/"))
    browser.restart()
    assert [(cookie.name, cookie.value) for cookie in browser.jar] == [("long", "2")]
