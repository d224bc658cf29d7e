"""A Set-Cookie field is read as browsers read it (RFC 6265bis, 5.6)."""

from datetime import UTC, datetime

import pytest

from app.lab.browser.cookie_jar import Jar
from app.lab.browser.set_cookie import default_path, parse_cookie_date
from tests.lab.browser.conftest import HTTPS, LOCALHOST, LOOPBACK, store
from tests.support.clock import SetClock

DAY = 86_400


KEPT: list[tuple[str, str, dict[str, object]]] = [
    (LOOPBACK, "a=" + "x" * 4095, {"name": "a", "value": "x" * 4095}),
    (LOOPBACK, "  a  =  b c\t; Path=/", {"name": "a", "value": "b c", "path": "/"}),
    (LOOPBACK, 'a="b c"', {"value": '"b c"'}),
    (LOOPBACK, 'a="b;c"', {"value": '"b'}),
    (LOOPBACK, "a=b=c", {"name": "a", "value": "b=c"}),
    (LOOPBACK, "a=1, b=2", {"name": "a", "value": "1, b=2"}),
    (LOOPBACK, "a=", {"name": "a", "value": ""}),
    (LOOPBACK, "loner", {"name": "", "value": "loner"}),
    (LOOPBACK, "a=1; sEcUrE; HTTPONLY=no", {"secure": True, "http_only": True}),
    (LOOPBACK, "a=1; Unknown=x", {"secure": False, "http_only": False}),
    (LOOPBACK, "a=1; Path=/x; PATH=/y", {"path": "/y"}),
    (LOOPBACK, "a=1", {"path": "/shop", "host_only": True, "domain": "127.0.0.1"}),
    (LOOPBACK, "a=1; Path=/x; Path=", {"path": "/shop"}),
    (LOOPBACK, "a=1; Path=x", {"path": "/shop"}),
    (LOOPBACK, "a=1; Path=/" + "x" * 1023, {"path": "/" + "x" * 1023}),
    (LOOPBACK, "a=1; Path=/" + "x" * 1024, {"path": "/shop"}),
    (LOOPBACK, "a=1; Path=/x; Path=/" + "x" * 1024, {"path": "/x"}),
    (LOOPBACK, "a=1; Domain=127.0.0.1", {"domain": "127.0.0.1", "host_only": True}),
    (LOCALHOST, "a=1; Domain=localhost", {"domain": "localhost", "host_only": True}),
    (HTTPS, "a=1; Domain=", {"domain": "www.shop.example", "host_only": True}),
    (HTTPS, "a=1; Domain=.SHOP.example", {"domain": "shop.example", "host_only": False}),
    (HTTPS, "a=1; Domain=x; Domain=shop.example", {"domain": "shop.example"}),
    (LOOPBACK, "a=1; Secure", {"secure": True}),
    (LOOPBACK, "a=1; SameSite=strict", {"same_site": "Strict"}),
    (LOOPBACK, "a=1; SameSite=LAX", {"same_site": "Lax"}),
    (LOOPBACK, "a=1; SameSite=None; Secure", {"same_site": "None"}),
    (LOOPBACK, "a=1; SameSite=Lax; SameSite=Sure", {"same_site": "Default"}),
    (LOOPBACK, "a=1", {"same_site": "Default", "partitioned": False}),
    (LOOPBACK, "a=1; Partitioned; Secure", {"partitioned": True}),
    (LOOPBACK, "__Secure-a=1; Secure", {"name": "__Secure-a"}),
    (LOOPBACK, "__host-a=1; Secure; Path=/", {"name": "__host-a"}),
    (LOOPBACK, "__Host-Http-a=1; Secure; Path=/; HttpOnly", {"name": "__Host-Http-a"}),
]
"""Where a cookie comes from, and how it is kept."""


@pytest.mark.parametrize(("url", "header", "expected"), KEPT)
def test_a_cookie_within_the_rules_is_kept_as_a_browser_reads_it(
    jar: Jar, url: str, header: str, expected: dict[str, object]
) -> None:
    cookie = store(jar, url, header)
    assert list(jar) == [cookie]
    assert {name: getattr(cookie, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("attributes", "seconds"),
    [
        ("Max-Age=100", 100),
        ("Max-Age=007", 7),
        ("Max-Age=100; Expires=Thu, 01 Jan 1970 00:00:00 GMT", 100),
        ("Expires=Fri, 15 Jan 2027 08:01:40 GMT", 100),
        ("Max-Age=5; Max-Age=100", 100),
        ("Expires=1 Jan 1970 0:0:0; Expires=Fri, 15 Jan 2027 08:01:40 GMT", 100),
        ("Max-Age=100; Max-Age=soon", 100),
        ("Max-Age=soon; Expires=Fri, 15 Jan 2027 08:01:40 GMT", 100),
        ("Expires=Fri, 15 Jan 2027 08:01:40 GMT; Expires=soon", 100),
        ("Max-Age=34560001", 400 * DAY),
        ("Max-Age=" + "9" * 1000, 400 * DAY),
        ("Expires=Fri, 31 Dec 9999 23:59:59 GMT", 400 * DAY),
    ],
)
def test_a_cookie_lives_as_long_as_it_says_up_to_400_days(
    jar: Jar, clock: SetClock, attributes: str, seconds: int
) -> None:
    assert store(jar, LOOPBACK, f"a=1; {attributes}").expires == clock.now + seconds
    clock.forward(seconds - 1)
    assert jar.cookie_header(LOOPBACK) == "a=1"
    clock.forward(1)
    assert not list(jar)
    assert jar.cookie_header(LOOPBACK) == ""


@pytest.mark.parametrize(
    "attribute",
    ["Max-Age=", "Max-Age=+5", "Max-Age=5.5", "Max-Age=--5", "Max-Age=-", "Expires=soon"],
)
def test_a_lifetime_that_does_not_parse_makes_a_session_cookie(jar: Jar, attribute: str) -> None:
    assert store(jar, LOOPBACK, f"a=1; {attribute}").expires is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)),
        ("Sun Nov  6 08:49:37 1994", datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)),
        ("8:9:7x 6th 69 NOVember", datetime(2069, 11, 6, 8, 9, 7, tzinfo=UTC)),
        ("1 jan 70 00:00:00", datetime(1970, 1, 1, tzinfo=UTC)),
        ("1 jan 1601 00:00:00", datetime(1601, 1, 1, tzinfo=UTC)),
        ("1 jan 1600 00:00:00", None),
        ("30 Feb 2027 00:00:00", None),
        ("32 Jan 2027 00:00:00", None),
        ("1 Jan 2027 24:00:00", None),
        ("1 Jan 2027 00:00:60", None),
        ("1 Jan 2027", None),
        ("1 Jan 20270 00:00:00", None),
        ("Jan 2027 00:00:00", None),
        ("", None),
    ],
)
def test_a_cookie_date_is_read_by_the_algorithm_of_5_1_1(
    text: str, moment: datetime | None
) -> None:
    assert parse_cookie_date(text) == (moment and moment.timestamp())


FOLDERS = {"": "/", "/": "/", "/a": "/", "/a/": "/a", "/a/b?c=/d/e": "/a", "/a/b/c": "/a/b"}


@pytest.mark.parametrize(("page", "path"), FOLDERS.items())
def test_the_default_path_is_the_folder_of_the_page(page: str, path: str) -> None:
    assert default_path(f"http://h{page}") == path
