"""What the tests of browsers share: addresses, a tiny site, and a jar that is filled and asked."""

from collections.abc import Iterator

import pytest

from app.lab.browser.cookie_jar import Jar
from app.lab.browser.set_cookie import Cookie
from tests.lab.browser.tiny_site import TinySite, tiny_site
from tests.support.clock import SetClock

LOOPBACK = "http://127.0.0.1:5000/shop/cart"
LOCALHOST = "http://localhost:5000/"
HTTP = "http://www.shop.example/"
HTTPS = "https://www.shop.example/"


def store(jar: Jar, url: str, header: str) -> Cookie:
    """Store a cookie that the jar must accept."""
    answer = jar.store(url, header)
    assert isinstance(answer, Cookie), answer
    return answer


@pytest.fixture
def jar(clock: SetClock) -> Jar:
    return Jar(clock=clock)


@pytest.fixture
def site() -> Iterator[TinySite]:
    with tiny_site() as site:
        yield site
