"""The jar keeps the rules of browsers: what it refuses, replaces and sends (RFC 6265bis)."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.lab.browser.cookie_jar import Jar, Refused
from app.lab.browser.set_cookie import Cookie
from tests.lab.browser.conftest import HTTP, HTTPS, LOCALHOST, LOOPBACK, store

# What is refused


REFUSED = [
    (
        LOOPBACK,
        "a=" + "x" * 4096,
        "name and value are 4097 bytes, a browser keeps at most 4096 (RFC 6265bis 5.7)",
    ),
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
    (LOOPBACK, "a=1; SameSite=None", "SameSite=None needs Secure"),
    (LOOPBACK, "a=1; Partitioned", "Partitioned needs Secure"),
    (LOOPBACK, "__Secure-a=1", "needs Secure"),
    (LOOPBACK, "__SECURE-a=1", "needs Secure"),
    (LOOPBACK, "__Host-a=1; Path=/", "needs Secure"),
    (LOOPBACK, "__Host-a=1; Secure", "needs Path=/"),
    (LOOPBACK, "__Host-a=1; Secure; Path=/shop", "needs Path=/"),
    (LOOPBACK, "__hOsT-a=1; Secure; Path=/shop", "needs Path=/"),
    (HTTPS, "__Host-a=1; Secure; Path=/; Domain=www.shop.example", "forbids Domain"),
    (LOCALHOST, "__Host-a=1; Secure; Path=/; Domain=localhost", "forbids Domain"),
    (LOOPBACK, "__Http-a=1; Secure", "needs HttpOnly"),
    (LOOPBACK, "__Host-Http-a=1; Secure; Path=/", "needs HttpOnly"),
]


@pytest.mark.parametrize(("url", "header", "reason"), REFUSED)
def test_a_cookie_that_breaks_a_rule_is_refused_with_the_reason(
    jar: Jar, url: str, header: str, reason: str
) -> None:
    answer = jar.store(url, header)
    assert isinstance(answer, Refused)
    assert reason in answer.reason
    assert not list(jar)


# Replacing and deleting


DELETIONS = ["Max-Age=0", "Max-Age=-1", "Expires=0:0:0 1 Jan 1970"]


@pytest.mark.parametrize("deletion", DELETIONS)
def test_an_expired_cookie_deletes_its_namesake(jar: Jar, deletion: str) -> None:
    store(jar, LOOPBACK, "a=1")
    store(jar, LOOPBACK, f"a=; {deletion}")
    assert not list(jar)


OF_ANOTHER = [
    ("a=1; Path=/", "a=; Max-Age=0; Path=/other"),
    ("a=1", "a=; Max-Age=0; Domain=www.shop.example"),
    ("a=1; Domain=shop.example", "a=; Max-Age=0"),
    ("a=1; Secure; Partitioned", "a=; Max-Age=0; Secure"),
    ("__Host-a=1; Secure; Path=/", "__Host-a=; Max-Age=0; Path=/"),
    ("a=1", "A=; Max-Age=0"),
]
"""A cookie, and a deletion that is not its own."""


@pytest.mark.parametrize(("set_as", "deleted_as"), OF_ANOTHER)
def test_a_deletion_that_names_another_cookie_deletes_nothing(
    jar: Jar, set_as: str, deleted_as: str
) -> None:
    cookie = store(jar, HTTPS, set_as)
    jar.store(HTTPS, deleted_as)
    assert list(jar) == [cookie]


# Secure origins


@pytest.mark.parametrize("host", ["localhost", "app.localhost", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_loopback_is_a_secure_origin(jar: Jar, host: str) -> None:
    assert isinstance(jar.store(f"http://{host}:5000/", "a=1; Secure"), Cookie)


def test_a_secure_cookie_is_sent_to_secure_origins_only(jar: Jar) -> None:
    store(jar, HTTPS, "safe=1; Secure")
    store(jar, HTTPS, "open=1")
    assert jar.cookie_header(HTTPS) == "safe=1; open=1"
    assert (jar.cookie_header(HTTP), jar.document_cookie(HTTP)) == ("open=1", "open=1")


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
    store(jar, HTTPS, "a=good; Path=/login; Secure")
    assert isinstance(jar.store(HTTP, header), Cookie) is taken
    assert jar.cookie_header("https://www.shop.example/login").startswith("a=good")


def test_a_secure_origin_may_overwrite_a_secure_cookie(jar: Jar) -> None:
    store(jar, HTTPS, "a=1; Secure")
    store(jar, HTTPS, "a=2")
    assert jar.cookie_header(HTTP) == "a=2"


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
        ("a=1; Path=/cart", "https://www.shop.example/cart", True),
        ("a=1; Path=/cart", "https://www.shop.example/carts", False),
        ("a=1; Path=/cart", "https://www.shop.example/CART", False),
        ("a=1; Path=/cart/", "https://www.shop.example/cart/7", True),
        ("a=1; Path=/cart/", "https://www.shop.example/cart/", True),
        ("a=1; Path=/cart/", "https://www.shop.example/cart", False),
    ],
)
def test_a_cookie_goes_only_where_it_belongs(
    jar: Jar, header: str, url: str, is_sent: bool
) -> None:
    store(jar, HTTPS, header)
    assert jar.cookie_header(url) == ("a=1" if is_sent else "")


def test_cookies_that_threads_store_at_once_are_all_kept(jar: Jar) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: jar.store(LOOPBACK, f"c{number}=1"), range(400)))
    assert {cookie.name for cookie in jar} == {f"c{number}" for number in range(400)}
