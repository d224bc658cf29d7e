"""The laboratory's browser over real sockets: what it sends, and what an exchange tells."""

from http.client import IncompleteRead

import pytest

from app.lab.browser.client import Browser
from tests.lab.browser.tiny_site import Reply, TinySite
from tests.support.clock import SetClock


@pytest.fixture
def browser(clock: SetClock) -> Browser:
    return Browser(clock=clock)


def test_the_octets_of_header_values_arrive_unchanged(browser: Browser, site: TinySite) -> None:
    octets = "".join(map(chr, [*range(0x21, 0x3B), *range(0x3C, 0x7F), *range(0x80, 0x100)]))
    site.sets("/in", f"a={octets}; Path=/")
    exchange = browser.get(site.url("/in"))
    browser.get(site.url("/"))
    assert exchange.header("set-cookie") == f"a={octets}; Path=/"
    assert site.last("/").header("cookie") == f"a={octets}"


def test_a_manual_cookie_header_replaces_the_jars(browser: Browser, site: TinySite) -> None:
    site.sets("/in", "a=1; Path=/")
    browser.get(site.url("/in"))
    replayed = browser.get(site.url("/"), headers={"cookie": "a=stolen"})
    assert [v for k, v in site.last("/").headers if k.lower() == "cookie"] == ["a=stolen"]
    assert replayed.cookie_bytes == len("a=stolen")
    assert browser.jar.cookie_header(site.url("/")) == "a=1"


def test_the_body_can_be_read_as_bytes_and_text(browser: Browser, site: TinySite) -> None:
    site.replies["/"] = Reply(503, (("Retry-After", "5"),), '{"drink": "thé"}'.encode())
    exchange = browser.get(site.url())
    assert (exchange.status, exchange.header("RETRY-AFTER")) == (503, "5")
    assert (exchange.text, exchange.body) == ('{"drink": "thé"}', '{"drink": "thé"}'.encode())
    assert exchange.header("Location") is None


def test_a_request_is_typed_by_the_user_and_its_headers_are_told(
    browser: Browser, site: TinySite
) -> None:
    exchange = browser.get(site.url("/page?x=1#there"), headers={"X-Own": "1"})
    request = site.last("/page?x=1")
    assert exchange.request_headers == request.headers
    assert (request.header("sec-fetch-site"), request.header("origin")) == ("none", None)
    assert "SessionLab" in (request.header("user-agent") or "")
    assert request.header("x-own") == "1"


def test_an_https_address_is_refused_before_anything_is_sent(
    browser: Browser, site: TinySite
) -> None:
    with pytest.raises(ValueError, match="speaks http alone"):
        browser.get(site.url("/").replace("http:", "https:"))
    assert site.received == []


def test_an_answer_without_end_is_an_error(browser: Browser, site: TinySite) -> None:
    site.replies["/events"] = Reply(body=b"data: 1\n\n", endless=True)
    browser.timeout = 0.2
    with pytest.raises(TimeoutError, match="the answer of /events does not end"):
        browser.get(site.url("/events"))


def test_an_answer_that_is_cut_is_an_error(browser: Browser, site: TinySite) -> None:
    site.replies["/"] = Reply(headers=(("Content-Length", "9"),), body=b"short")
    with pytest.raises(IncompleteRead):
        browser.get(site.url())


def test_a_path_is_sent_as_browsers_send_it(browser: Browser, site: TinySite) -> None:
    browser.get(site.url("/über uns?q=ö&r=%20"))
    assert site.received[-1].target == "/%C3%BCber%20uns?q=%C3%B6&r=%20"
