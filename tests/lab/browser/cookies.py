"""What the tests of cookies share: addresses, and a jar that is filled and asked."""

from app.lab.browser.cookie_jar import Jar
from app.lab.browser.set_cookie import Cookie

LOOPBACK = "http://127.0.0.1:5000/shop/cart"
LOCALHOST = "http://localhost:5000/"
HTTP = "http://www.shop.example/"
HTTPS = "https://www.shop.example/"


def store(jar: Jar, url: str, header: str) -> Cookie:
    """Store a cookie that the jar must accept."""
    answer = jar.store(url, header)
    assert isinstance(answer, Cookie), answer
    return answer
