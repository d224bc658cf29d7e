"""The laboratory's browser keeps the rules that browsers keep (RFC 6265bis)."""

import http.client
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from app.lab.browser.client import Browser
from app.lab.browser.cookie_jar import Jar, Refused, cookie_string, site_of
from app.lab.browser.set_cookie import Cookie, default_path, parse_cookie_date, path_matches
from tests.lab.browser.tiny_site import Answer, TinySite, tiny_site

if TYPE_CHECKING:
    from tests.conftest import SetClock

LOOPBACK = "http://127.0.0.1:5000/shop/cart"
LOCALHOST = "http://localhost:5000/"
HTTP = "http://www.shop.example/"
HTTPS = "https://www.shop.example/"
FOREIGN = "https://evil.example/page"
DAY = 86_400


@pytest.fixture
def jar(clock: "SetClock") -> Jar:
    return Jar(clock=clock)


@pytest.fixture
def browser(clock: "SetClock") -> Browser:
    return Browser(clock=clock)


@pytest.fixture
def site() -> Iterator[TinySite]:
    with tiny_site() as site:
        yield site


def kept(jar: Jar, url: str, header: str) -> Cookie:
    """Store a cookie that must be taken."""
    answer = jar.store(url, header)
    assert isinstance(answer, Cookie), answer
    return answer


def sent(jar: Jar, url: str, **how: Any) -> str:
    return cookie_string(jar.cookies_for(url, **how))


# What is refused


@pytest.mark.parametrize(
    ("url", "header", "reason"),
    [
        (LOOPBACK, "a=" + "x" * 4096, "name and value are 4097 bytes"),
        (LOOPBACK, "x" * 4097, "name and value are 4097 bytes"),
        (LOOPBACK, "a=x\x00y", "control character"),
        (LOOPBACK, "a=x\x7fy", "control character"),
        (LOOPBACK, "a=1; Path=/\x1f", "control character"),
        (LOOPBACK, "a=x\ty", "control character"),
        (LOOPBACK, "", "neither a name nor a value"),
        (LOOPBACK, " = ; Path=/", "neither a name nor a value"),
        (LOOPBACK, "=a=b", "could pass for one"),
        (LOOPBACK, "__Host-a; Secure; Path=/", "could pass for one"),
        (LOOPBACK, "a=1; Domain=shop.example", "does not cover the host 127.0.0.1"),
        (LOOPBACK, "a=1; Domain=0.0.1", "does not cover the host 127.0.0.1"),
        (HTTPS, "a=1; Domain=evil.example", "does not cover the host www.shop.example"),
        (HTTPS, "a=1; Domain=deep.www.shop.example", "does not cover"),
        (HTTPS, "a=1; Domain=op.example", "does not cover"),
        (HTTPS, "a=1; Domain=example", "public suffix"),
        (HTTPS, "a=1; Domain=.", "public suffix"),
        (HTTP, "a=1; Secure", "did not come over HTTPS"),
        (HTTPS, "a=1; SameSite=None", "SameSite=None needs Secure"),
        (HTTPS, "a=1; Partitioned", "Partitioned needs Secure"),
        (HTTPS, "__Secure-a=1", "needs Secure"),
        (HTTPS, "__SECURE-a=1", "needs Secure"),
        (HTTPS, "__Host-a=1; Path=/", "needs Secure"),
        (HTTPS, "__Host-a=1; Secure", "needs Path=/"),
        (HTTPS, "__Host-a=1; Secure; Path=/shop", "needs Path=/"),
        (HTTPS, "__hOsT-a=1; Secure; Path=/shop", "needs Path=/"),
        (HTTPS, "__Host-a=1; Secure; Path=/; Domain=www.shop.example", "forbids Domain"),
        (LOCALHOST, "__Host-a=1; Secure; Path=/; Domain=localhost", "forbids Domain"),
        (HTTPS, "__Http-a=1; Secure", "needs HttpOnly"),
        (HTTPS, "__Host-Http-a=1; Secure; Path=/", "needs HttpOnly"),
    ],
)
def test_a_cookie_that_breaks_a_rule_is_refused_with_the_reason(
    jar: Jar, url: str, header: str, reason: str
) -> None:
    answer = jar.store(url, header)

    assert isinstance(answer, Refused)
    assert reason in answer.reason
    assert not list(jar)


def test_the_refusal_of_a_large_cookie_tells_a_learner_what_happened(jar: Jar) -> None:
    answer = jar.store(LOOPBACK, "session_cookie=" + "x" * 6124)

    assert answer == Refused(
        "session_cookie",
        "name and value are 6138 bytes, a browser keeps at most 4096 (RFC 6265bis 5.7)",
    )


def test_a_refused_cookie_leaves_its_namesake_alone(jar: Jar) -> None:
    kept(jar, LOOPBACK, "a=1")

    jar.store(LOOPBACK, "a=2; SameSite=None")

    assert [cookie.value for cookie in jar] == ["1"]


# What is kept, and how it is read


@pytest.mark.parametrize(
    ("url", "header", "expected"),
    [
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
        (HTTPS, "a=1; Secure", {"secure": True}),
        (LOOPBACK, "a=1; Secure", {"secure": True}),
        (HTTPS, "a=1; SameSite=strict", {"same_site": "Strict"}),
        (HTTPS, "a=1; SameSite=LAX", {"same_site": "Lax"}),
        (HTTPS, "a=1; SameSite=None; Secure", {"same_site": "None"}),
        (HTTPS, "a=1; SameSite=Lax; SameSite=Sure", {"same_site": "Default"}),
        (HTTPS, "a=1", {"same_site": "Default", "partitioned": False}),
        (HTTPS, "a=1; Partitioned; Secure", {"partitioned": True}),
        (HTTPS, "__Secure-a=1; Secure", {"name": "__Secure-a"}),
        (HTTPS, "__host-a=1; Secure; Path=/", {"name": "__host-a"}),
        (HTTPS, "__Host-Http-a=1; Secure; Path=/; HttpOnly", {"name": "__Host-Http-a"}),
    ],
)
def test_a_cookie_within_the_rules_is_kept_as_a_browser_reads_it(
    jar: Jar, url: str, header: str, expected: dict[str, object]
) -> None:
    cookie = kept(jar, url, header)

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
    jar: Jar, clock: "SetClock", attributes: str, seconds: int
) -> None:
    cookie = kept(jar, LOOPBACK, f"a=1; {attributes}")

    assert cookie.expires == clock.now + seconds
    clock.forward(seconds - 1)
    assert sent(jar, LOOPBACK) == "a=1"
    clock.forward(1)
    assert not list(jar)
    assert sent(jar, LOOPBACK) == ""


@pytest.mark.parametrize(
    "attribute",
    ["Max-Age=", "Max-Age=+5", "Max-Age=5.5", "Max-Age=--5", "Max-Age=-", "Expires=soon"],
)
def test_a_lifetime_that_does_not_parse_makes_a_session_cookie(jar: Jar, attribute: str) -> None:
    assert kept(jar, LOOPBACK, f"a=1; {attribute}").expires is None


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


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://h", "/"),
        ("http://h/", "/"),
        ("http://h/a", "/"),
        ("http://h/a/", "/a"),
        ("http://h/a/b?c=/d/e", "/a"),
        ("http://h/a/b/c", "/a/b"),
    ],
)
def test_a_cookie_without_a_path_belongs_to_the_folder_of_its_page(url: str, path: str) -> None:
    assert default_path(url) == path


@pytest.mark.parametrize(
    ("request_path", "cookie_path", "matches"),
    [
        ("/", "/", True),
        ("/a", "/", True),
        ("/a", "/a", True),
        ("/a/b", "/a", True),
        ("/a/b", "/a/", True),
        ("/a/", "/a/", True),
        ("/a", "/a/", False),
        ("/ab", "/a", False),
        ("/", "/a", False),
        ("/A", "/a", False),
    ],
)
def test_a_path_covers_itself_and_what_lies_below(
    request_path: str, cookie_path: str, matches: bool
) -> None:
    assert path_matches(request_path, cookie_path) is matches


# Replacing and deleting


def test_a_cookie_that_is_set_again_takes_the_new_value_and_keeps_its_place(
    jar: Jar, clock: "SetClock"
) -> None:
    first = kept(jar, LOOPBACK, "a=1")
    clock.forward(1)
    kept(jar, LOOPBACK, "b=2")
    clock.forward(1)
    again = kept(jar, LOOPBACK, "a=3; HttpOnly")

    assert again.created == first.created
    assert sent(jar, LOOPBACK) == "a=3; b=2"


@pytest.mark.parametrize("deletion", ["Max-Age=0", "Max-Age=-1", "Expires=0:0:0 1 Jan 1970"])
def test_an_expired_cookie_deletes_its_namesake(jar: Jar, deletion: str) -> None:
    kept(jar, LOOPBACK, "a=1")

    kept(jar, LOOPBACK, f"a=; {deletion}")

    assert not list(jar)


@pytest.mark.parametrize(
    ("set_as", "deleted_as"),
    [
        ("a=1; Path=/", "a=; Max-Age=0; Path=/other"),
        ("a=1", "a=; Max-Age=0; Domain=www.shop.example"),
        ("a=1; Domain=shop.example", "a=; Max-Age=0"),
        ("a=1; Secure; Partitioned", "a=; Max-Age=0; Secure"),
        ("__Host-a=1; Secure; Path=/", "__Host-a=; Max-Age=0; Path=/"),
        ("a=1", "A=; Max-Age=0"),
    ],
)
def test_a_deletion_that_names_another_cookie_deletes_nothing(
    jar: Jar, set_as: str, deleted_as: str
) -> None:
    cookie = kept(jar, HTTPS, set_as)

    jar.store(HTTPS, deleted_as)

    assert list(jar) == [cookie]


# Secure origins


@pytest.mark.parametrize("host", ["localhost", "app.localhost", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_loopback_is_a_secure_origin_only_for_a_browser_that_trusts_it(
    clock: "SetClock", host: str
) -> None:
    trusting, strict = Jar(clock=clock), Jar(clock=clock, trusts_loopback=False)
    url = f"http://{host}:5000/"

    assert isinstance(trusting.store(url, "a=1; Secure"), Cookie)
    assert isinstance(strict.store(url, "a=1; Secure"), Refused)


def test_a_secure_cookie_is_sent_to_secure_origins_only(jar: Jar) -> None:
    kept(jar, HTTPS, "safe=1; Secure")
    kept(jar, HTTPS, "open=1")

    assert sent(jar, HTTPS) == "safe=1; open=1"
    assert sent(jar, HTTP) == "open=1"
    assert jar.document_cookie(HTTP) == "open=1"


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("a=evil; Path=/login", False),
        ("a=evil; Path=/login/en", False),
        ("a=evil; Path=/login; Domain=shop.example", False),
        ("a=; Path=/login; Max-Age=0", False),
        ("a=other; Path=/", True),
        ("a=other; Path=/loginx", True),
        ("b=other; Path=/login", True),
    ],
)
def test_an_insecure_origin_does_not_overlay_a_secure_cookie(
    jar: Jar, header: str, taken: bool
) -> None:
    kept(jar, HTTPS, "a=good; Path=/login; Secure")

    answer = jar.store(HTTP, header)

    assert isinstance(answer, Cookie) is taken
    assert sent(jar, "https://www.shop.example/login").startswith("a=good")


def test_a_secure_origin_may_replace_a_secure_cookie_by_an_open_one(jar: Jar) -> None:
    kept(jar, HTTPS, "a=1; Secure")

    kept(jar, HTTPS, "a=2")

    assert sent(jar, HTTP) == "a=2"


# Sending


@pytest.mark.parametrize(
    ("header", "url", "is_sent"),
    [
        ("a=1", "https://www.shop.example/", True),
        ("a=1", "https://WWW.SHOP.example:8443/", True),
        ("a=1", "https://shop.example/", False),
        ("a=1", "https://deep.www.shop.example/", False),
        ("a=1; Domain=shop.example", "https://shop.example/", True),
        ("a=1; Domain=shop.example", "https://other.shop.example/", True),
        ("a=1; Domain=shop.example", "https://workshop.example/", False),
        ("a=1; Path=/cart", "https://www.shop.example/cart/7", True),
        ("a=1; Path=/cart", "https://www.shop.example/carts", False),
    ],
)
def test_a_cookie_goes_only_where_it_belongs(
    jar: Jar, header: str, url: str, is_sent: bool
) -> None:
    kept(jar, HTTPS, header)

    assert sent(jar, url) == ("a=1" if is_sent else "")


def test_longer_paths_are_sent_first_and_older_cookies_before_younger(
    jar: Jar, clock: "SetClock"
) -> None:
    for header in ("a=1; Path=/", "b=2; Path=/shop", "c=3; Path=/", "d=4; Path=/shop/cart"):
        kept(jar, LOOPBACK, header)
        clock.forward(1)

    assert sent(jar, LOOPBACK) == "d=4; b=2; a=1; c=3"


def test_a_nameless_cookie_is_sent_as_its_bare_value(jar: Jar) -> None:
    kept(jar, LOOPBACK, "loner")
    kept(jar, LOOPBACK, "empty=")

    assert sent(jar, LOOPBACK) == "loner; empty="


@pytest.mark.parametrize(
    ("same_site", "method", "age", "is_sent"),
    [
        ("SameSite=Strict", "GET", 0, False),
        ("SameSite=Strict", "POST", 0, False),
        ("SameSite=Lax", "GET", 0, True),
        ("SameSite=Lax", "HEAD", 0, True),
        ("SameSite=Lax", "POST", 0, False),
        ("SameSite=None", "GET", 0, True),
        ("SameSite=None", "POST", 0, True),
        ("SameSite=Sure", "GET", 121, True),
        ("SameSite=Sure", "POST", 120, True),
        ("SameSite=Sure", "POST", 121, False),
        ("Unknown", "POST", 120, True),
        ("Unknown", "POST", 121, False),
    ],
)
def test_same_site_decides_what_goes_with_a_navigation_from_a_foreign_page(
    jar: Jar, clock: "SetClock", same_site: str, method: str, age: int, is_sent: bool
) -> None:
    kept(jar, HTTPS, f"a=1; Secure; {same_site}")
    clock.forward(age)

    assert sent(jar, HTTPS, method=method, initiator=FOREIGN) == ("a=1" if is_sent else "")


@pytest.mark.parametrize(
    "initiator", [None, HTTPS, "https://pay.shop.example/", "https://www.shop.example:8443/"]
)
def test_same_site_holds_nothing_back_from_the_user_and_from_the_own_site(
    jar: Jar, initiator: str | None
) -> None:
    kept(jar, HTTPS, "a=1; SameSite=Strict")

    assert sent(jar, HTTPS, method="POST", initiator=initiator) == "a=1"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (HTTPS, "https://shop.example/", True),
        (HTTPS, HTTP, False),
        (HTTPS, FOREIGN, False),
        (LOOPBACK, "http://127.0.0.1:9/", True),
        (LOOPBACK, "http://127.1.0.1:5000/", False),
        (LOOPBACK, LOCALHOST, False),
        ("http://a.localhost/", "http://b.localhost/", False),
        (HTTPS, "data:text/html,", False),
    ],
)
def test_a_site_is_a_scheme_and_a_registrable_domain(one: str, other: str, same: bool) -> None:
    assert (site_of(one) == site_of(other)) is same


def test_a_script_sees_decoded_cookies_without_the_http_only_ones(jar: Jar) -> None:
    kept(jar, LOOPBACK, "secret=1; HttpOnly")
    kept(jar, LOOPBACK, "café=crème".encode().decode("latin-1"))

    assert jar.document_cookie(LOOPBACK) == "café=crème"


def test_a_restart_ends_session_cookies_and_no_others(jar: Jar) -> None:
    kept(jar, LOOPBACK, "session=1")
    kept(jar, LOOPBACK, "remembered=1; Max-Age=60")

    jar.restart()

    assert [cookie.name for cookie in jar] == ["remembered"]


def test_cookies_that_threads_store_at_once_are_all_kept(jar: Jar) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: jar.store(LOOPBACK, f"c{number}=1"), range(400)))

    assert {cookie.name for cookie in jar} == {f"c{number}" for number in range(400)}


# The client, over a real socket


def test_a_browser_sends_back_what_it_was_given(browser: Browser, site: TinySite) -> None:
    fields = ["a=1; Path=/", "b=2; Path=/; Expires=Fri, 31 Dec 2027 00:00:00 GMT"]
    site.sets("/in", *fields)

    first = browser.get(site.url("/in"))
    second = browser.get(site.url("/page?x=1#there"))

    assert [cookie.name for cookie in browser.jar] == ["a", "b"]
    assert site.last("/page?x=1").header("cookie") == "a=1; b=2"
    assert (first.status, first.cookie_bytes, first.set_cookie_bytes) == (
        200,
        0,
        sum(map(len, fields)),
    )
    assert (second.cookie_bytes, second.set_cookie_bytes) == (8, 0)


def test_an_exchange_tells_which_cookies_were_refused(browser: Browser, site: TinySite) -> None:
    site.sets("/in", "big=" + "x" * 5000, "ctl=\x0b", "ok=1")

    exchange = browser.get(site.url("/in"))

    assert [refused.name for refused in exchange.refused] == ["big", "ctl"]
    assert [cookie.name for cookie in browser.jar] == ["ok"]


def test_the_octets_of_header_values_arrive_unchanged(browser: Browser, site: TinySite) -> None:
    octets = "".join(map(chr, [*range(0x21, 0x3B), *range(0x3C, 0x7F), *range(0x80, 0x100)]))
    site.sets("/in", f"a={octets}; Path=/")

    exchange = browser.get(site.url("/in"))
    browser.get(site.url("/"))

    assert exchange.header("set-cookie") == f"a={octets}; Path=/"
    assert site.last("/").header("cookie") == f"a={octets}"


def test_the_headers_of_an_exchange_are_the_headers_that_were_sent(
    browser: Browser, site: TinySite
) -> None:
    exchange = browser.post(site.url("/"), {"q": "ü &"}, headers={"X-Own": "1"})

    assert exchange.request_headers == site.last("/").headers
    assert site.last("/").body == b"q=%C3%BC+%26"


def test_a_manual_cookie_header_replaces_the_jars(browser: Browser, site: TinySite) -> None:
    site.sets("/in", "a=1; Path=/")
    browser.get(site.url("/in"))

    replayed = browser.get(site.url("/"), headers={"cookie": "a=stolen"})

    assert [v for k, v in site.last("/").headers if k.lower() == "cookie"] == ["a=stolen"]
    assert replayed.cookie_bytes == len("a=stolen")
    assert sent(browser.jar, site.url("/")) == "a=1"


def test_the_body_can_be_read_as_bytes_text_and_json(browser: Browser, site: TinySite) -> None:
    site.answers["/"] = Answer(503, (("Retry-After", "5"),), '{"drink": "thé"}'.encode())

    exchange = browser.get(site.url())

    assert (exchange.status, exchange.header("RETRY-AFTER")) == (503, "5")
    assert exchange.text == '{"drink": "thé"}'
    assert exchange.json() == {"drink": "thé"}
    assert exchange.header("Location") is None


@pytest.mark.parametrize(
    ("method", "initiator", "fetch_site", "origin"),
    [
        ("get", None, "none", None),
        ("get", "http://127.0.0.1:{port}/form", "same-origin", None),
        ("get", "http://localhost:{port}/", "cross-site", None),
        ("post", None, "same-origin", "http://127.0.0.1:{port}"),
        ("post", "http://127.0.0.1:1/", "same-site", "http://127.0.0.1:1"),
        ("post", "http://127.0.0.1:80/", "same-site", "http://127.0.0.1"),
        ("post", FOREIGN, "cross-site", "https://evil.example"),
        ("post", "data:text/html,<form>", "cross-site", "null"),
    ],
)
def test_a_request_says_which_page_started_it(
    browser: Browser,
    site: TinySite,
    method: str,
    initiator: str | None,
    fetch_site: str,
    origin: str | None,
) -> None:
    page = initiator and initiator.replace("{port}", str(site.port))

    getattr(browser, method)(site.url("/"), initiator=page)

    request = site.last("/")
    assert request.header("sec-fetch-site") == fetch_site
    assert request.header("sec-fetch-mode") == "navigate"
    assert request.header("origin") == (origin and origin.replace("{port}", str(site.port)))
    assert "SessionLab" in (request.header("user-agent") or "")


def test_a_browser_that_does_not_trust_loopback_sends_it_no_fetch_metadata(
    site: TinySite,
) -> None:
    Browser(trusts_loopback=False).post(site.url("/"))

    assert site.last("/").header("sec-fetch-site") is None
    assert site.last("/").header("origin") == site.url("")


def test_a_foreign_page_cannot_post_with_a_lax_cookie(browser: Browser, site: TinySite) -> None:
    site.sets("/in", "lax=1; Path=/; SameSite=Lax", "none=1; Path=/; SameSite=None; Secure")
    browser.get(site.url("/in"))

    browser.post(site.url("/"), initiator=FOREIGN)
    assert site.last("/").header("cookie") == "none=1"

    browser.get(site.url("/"), initiator=FOREIGN)
    assert site.last("/").header("cookie") == "lax=1; none=1"


def test_a_redirect_is_followed_only_when_asked(browser: Browser, site: TinySite) -> None:
    site.answers["/in"] = Answer(302, (("Location", "/out"), ("Set-Cookie", "a=1; Path=/")))

    stayed = browser.get(site.url("/in"))
    assert (stayed.status, len(site.received)) == (302, 1)

    went = browser.get(site.url("/in"), follow_redirects=True)
    assert (went.status, went.url) == (200, site.url("/out"))
    assert went.redirected_from is not None
    assert went.redirected_from.status == 302
    assert site.last("/out").header("cookie") == "a=1"


@pytest.mark.parametrize(
    ("status", "method", "body"),
    [
        (301, "GET", b""),
        (302, "GET", b""),
        (303, "GET", b""),
        (307, "POST", b"a=1"),
        (308, "POST", b"a=1"),
    ],
)
def test_a_redirected_post_becomes_a_get_unless_its_status_forbids(
    browser: Browser, site: TinySite, status: int, method: str, body: bytes
) -> None:
    site.answers["/in"] = Answer(status, (("Location", "out"),))

    browser.post(site.url("/in"), {"a": "1"}, follow_redirects=True)

    landed = site.last("/out")
    assert (landed.method, landed.body) == (method, body)
    assert (landed.header("content-type") is None) is (method == "GET")
    assert (landed.header("origin") is None) is (method == "GET")


def test_a_detour_over_another_site_makes_the_request_cross_site(
    browser: Browser, site: TinySite
) -> None:
    elsewhere = site.url("/detour", host="localhost")
    site.answers["/in"] = Answer(302, (("Location", elsewhere),))
    site.answers["/detour"] = Answer(302, (("Location", site.url("/out")),))

    browser.get(site.url("/in"), initiator=site.url("/"), follow_redirects=True)

    assert site.last("/in").header("sec-fetch-site") == "same-origin"
    assert site.last("/out").header("sec-fetch-site") == "cross-site"


def test_a_circle_of_redirects_ends_in_an_error(browser: Browser, site: TinySite) -> None:
    site.answers["/in"] = Answer(302, (("Location", "/in"),))

    with pytest.raises(RuntimeError, match="more than 20 redirects"):
        browser.get(site.url("/in"), follow_redirects=True)
    assert len(site.received) == 21


def test_tabs_of_one_browser_share_its_jar(browser: Browser, site: TinySite) -> None:
    for number in range(20):
        site.sets(f"/{number}", f"c{number}=1; Path=/")

    with ThreadPoolExecutor(6) as tabs:
        list(tabs.map(lambda number: browser.get(site.url(f"/{number}")), range(20)))

    assert {cookie.name for cookie in browser.jar} == {f"c{number}" for number in range(20)}


def test_a_restarted_browser_keeps_what_was_to_last(browser: Browser, site: TinySite) -> None:
    site.sets("/in", "session=1; Path=/", "remembered=1; Path=/; Max-Age=60")
    browser.get(site.url("/in"))

    browser.restart()

    assert browser.document_cookie(site.url("/")) == "remembered=1"


@pytest.mark.parametrize(
    ("scheme", "first_octet"), [("http", b"G"), ("https", b"\x16")], ids=["plain", "TLS handshake"]
)
def test_the_scheme_decides_whether_the_browser_speaks_tls(
    browser: Browser, scheme: str, first_octet: bytes
) -> None:
    heard: list[bytes] = []

    def listen() -> None:
        peer, _ = server.accept()
        with peer:
            heard.append(peer.recv(1))

    with socket.create_server(("127.0.0.1", 0)) as server:
        listener = Thread(target=listen)
        listener.start()
        with pytest.raises((OSError, http.client.HTTPException)):
            browser.get(f"{scheme}://127.0.0.1:{server.getsockname()[1]}/")
        listener.join()

    assert heard == [first_octet]
