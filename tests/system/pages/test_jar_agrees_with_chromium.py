"""The laboratory's cookie jar and real Chromium come to the same end.

A server sends Set-Cookie fields; one browser is Debian's Chromium, the other the jar. They must
hold the same cookies, send the same Cookie header to every path, and show a script the same
`document.cookie`.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from app.lab.browser.cookie_jar import Jar
from app.lab.browser.set_cookie import Cookie
from tests.lab.browser.conftest import LOCALHOST, LOOPBACK
from tests.lab.browser.test_cookie_jar import DELETIONS, OF_ANOTHER, REFUSED
from tests.lab.browser.test_set_cookie import KEPT
from tests.lab.browser.tiny_site import TinySite, tiny_site

IP = "127.0.0.1"
NAME = "app.localhost"  # a host with a dot, so that Domain can name it
SETTER = "/shop/cart/set"
PATHS = ["/", "/shop", "/shop/", "/shop/cart/more", "/shopping"]
FETCH = "paths => Promise.all(paths.map(path => fetch(path, {cache: 'no-store'})))"
SLACK = 60  # seconds that a busy machine may lie between the two browsers

CASES = {
    "4096 bytes count octets, not letters": (IP, ["a=" + "é" * 2047 + "x", "b=" + "é" * 2048]),
    "tab": (IP, ["b=\tx\t", "c=1; Unknown=x\ty"]),
    "letters beyond ASCII": (IP, ["é=ü"]),
    "path match": (IP, ["a=1; Path=/shop", "b=1; Path=/shop/", "c=1; Path=/", "d=1; Path=x"]),
    "deletion of a host-only cookie by Domain": (NAME, ["a=1", f"a=; Domain={NAME}; Max-Age=0"]),
    "Max-Age wins over Expires": (
        IP,
        [
            "a=1; Max-Age=600; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "b=1; Expires=Fri, 01 Jan 2100 00:00:00 GMT; Max-Age=0",
        ],
    ),
    "malformed lifetimes": (IP, ["a=1; Max-Age=5.5", "b=1; Expires=soon", "c=1; Max-Age="]),
    "dates that do not exist": (
        IP,
        ["a=1; Expires=30 Feb 2100 00:00:00", "b=1; Expires=1 Feb 2100 00:00:60"],
    ),
    "dates in odd forms": (
        IP,
        ["a=1; Expires=2100-jan/05 10:11:12", "b=1; Expires=1:2:3 5 December 69"],
    ),
    "400 days at most": (
        IP,
        ["a=1; Max-Age=99999999999999999999", "b=1; Expires=Fri, 31 Dec 9999 23:59:59 GMT"],
    ),
    "partitioned namesakes": (IP, ["a=1; Secure; Partitioned", "a=2; Secure"]),
    "__Host- with Domain": (NAME, [f"__Host-a=1; Secure; Path=/; Domain={NAME}"]),
    "Domain of this host": (NAME, [f"a=1; Domain={NAME}", f"b=1; Domain=.{NAME.upper()}"]),
    "Domain of others": (NAME, ["a=1; Domain=example.com", f"b=1; Domain=deep.{NAME}"]),
    "Domain that is a public suffix": (NAME, ["a=1; Domain=localhost", "b=1; Domain=."]),
    "order of sending": (IP, ["a=1; Path=/", "b=1; Path=/shop", "c=1; Path=/", "d=1"]),
    "set again with other attributes": (
        IP,
        ["a=1; Path=/", "b=1; Path=/", "a=1; Path=/; HttpOnly; Max-Age=600"],
    ),
    "a refused cookie replaces nothing": (IP, ["a=1", "a=2; SameSite=None"]),
}


OF_THE_JAR = [
    *((IP, [header]) for url, header, _ in KEPT if url == LOOPBACK),
    *(("localhost", [header]) for url, header, _ in KEPT if url == LOCALHOST),
    # Chromium takes no answer that has a zero.
    (IP, [header for url, header, _ in REFUSED if url == LOOPBACK and "\0" not in header]),
    ("localhost", [header for url, header, _ in REFUSED if url == LOCALHOST]),
    *((IP, ["a=1", f"a=; {deletion}"]) for deletion in DELETIONS),
    *((IP, list(pair)) for pair in OF_ANOTHER if "Domain" not in "".join(pair)),
]
"""The host, and what it sets, where the tests of the jar say what becomes of it."""


@pytest.fixture(scope="module")
def site() -> Iterator[TinySite]:
    with tiny_site() as site:
        yield site


@pytest.fixture
def page(tab: Page) -> Page:
    """A tab of a browser without cookies."""
    tab.context.clear_cookies()
    return tab


def octets(text: str) -> str:
    """UTF-8 with one character an octet, as a header has it."""
    return text.encode().decode("latin-1")


def held_by_jar(cookie: Cookie) -> dict[str, Any]:
    return {
        "name": cookie.name,
        "value": cookie.value,
        "domain": cookie.domain if cookie.host_only else f".{cookie.domain}",
        "path": cookie.path,
        "expires": -1 if cookie.expires is None else pytest.approx(cookie.expires, abs=SLACK),
        "secure": cookie.secure,
        "httpOnly": cookie.http_only,
        "sameSite": "Lax" if cookie.same_site == "Default" else cookie.same_site,
        "partitioned": cookie.partitioned,
    }


def held_by_chromium(cookie: dict[str, Any]) -> dict[str, Any]:
    same = {name: cookie[name] for name in ("domain", "path", "expires", "secure", "httpOnly")}
    text = {name: octets(cookie[name]) for name in ("name", "value", "sameSite")}
    return same | text | {"partitioned": "partitionKey" in cookie}


def in_order(cookies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(cookies, key=lambda c: (c["name"], c["path"], c["partitioned"]))


@pytest.mark.parametrize(("host", "texts"), [*CASES.values(), *OF_THE_JAR])
def test_jar_and_chromium_keep_send_and_show_the_same(
    page: Page, site: TinySite, host: str, texts: list[str]
) -> None:
    headers = [octets(text) for text in texts]
    site.sets(SETTER, *headers)
    jar = Jar()

    page.goto(site.url(SETTER, host))
    for header in headers:
        jar.store(site.url(SETTER, host), header)

    in_chromium = [held_by_chromium(dict(c)) for c in page.context.cookies()]
    assert in_order([held_by_jar(cookie) for cookie in jar]) == in_order(in_chromium)
    assert jar.document_cookie(page.url) == page.evaluate("document.cookie")
    page.evaluate(FETCH, PATHS)
    for path in PATHS:
        cookies = jar.cookie_header(site.url(path, host))
        assert (site.last(path).header("cookie") or "") == cookies


@pytest.mark.parametrize(
    ("headers", "by_the_rfc", "by_chromium"),
    [
        (["a=1", "b=1", "a=2"], "a=2; b=1", "b=1; a=2"),
        (["a=1", "a=2; Max-Age=+0"], "a=2", ""),
        (["a=1", "a=2; Max-Age=0; Max-Age=soon"], "", "a=2"),
        (["a=1; Expires=1 Jan 1600 00:00:00"], "a=1", ""),
        ([f"__Host-a=1; Secure; Path=/; Domain={IP}"], "", "__Host-a=1"),
    ],
    ids=["changed value", "plus sign", "malformed last", "before 1601", "__Host- and an IP"],
)
def test_the_jar_keeps_to_the_rfc_where_chromium_breaks_it(
    page: Page, site: TinySite, headers: list[str], by_the_rfc: str, by_chromium: str
) -> None:
    site.sets(SETTER, *headers)
    jar = Jar()

    page.goto(site.url(SETTER))
    for header in headers:
        jar.store(site.url(SETTER), header)
    page.goto(site.url("/shop/cart/"))

    assert (site.last("/shop/cart/").header("cookie") or "") == by_chromium
    assert jar.cookie_header(site.url("/shop/cart/")) == by_the_rfc
