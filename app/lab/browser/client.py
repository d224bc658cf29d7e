"""A browser without a window: it sends requests and follows the cookie rules.

    browser = Browser()
    browser.post(f"{site}/login", {"user": "alice", "password": "…"})
    page = browser.get(f"{site}/dashboard")
    assert page.status == 200 and not page.refused

A `Browser` may be used by several threads. A GET is an address that the user typed, a POST a form
on a page of the same origin. It supports `http` only, and follows a redirect only when asked to.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from typing import Any, Protocol
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

from app.lab.browser.cookie_jar import Jar, Refused, cookie_string
from app.lab.browser.set_cookie import Cookie

TIMEOUT_SECONDS = 10.0  # for each wait on the socket
MAX_REDIRECTS = 20  # Fetch, HTTP-redirect fetch
USER_AGENT = "Mozilla/5.0 (compatible; SessionLab)"

_ACCEPT = "text/html,application/xhtml+xml,*/*;q=0.8"
_FORM = "application/x-www-form-urlencoded"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its response. Header values have one character an octet."""

    method: str
    url: str
    request_headers: Headers
    status: int
    headers: Headers
    body: bytes
    refused: tuple[Refused, ...]
    """The cookies of the response that the browser did not keep."""
    redirected_from: "Exchange | None" = None
    """The exchange whose redirect led here."""

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode("utf-8", errors="replace")

    def json(self) -> Any:
        """The body as JSON. Raises ValueError if it is not JSON."""
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """The first response header of that name, in any case; None without one."""
        return next(iter(_find_values(self.headers, name)), None)

    @property
    def cookie_bytes(self) -> int:
        """The length of the Cookie value that was sent."""
        return sum(map(len, _find_values(self.request_headers, "cookie")))

    @property
    def set_cookies(self) -> list[str]:
        """All Set-Cookie values of the response, kept or refused."""
        return _find_values(self.headers, "set-cookie")

    @property
    def set_cookie_bytes(self) -> int:
        """The length of all Set-Cookie values of the response."""
        return sum(map(len, self.set_cookies))


class Browser:
    """A browser with its cookies; `clock` returns seconds since the epoch."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.timeout = TIMEOUT_SECONDS
        self.jar = Jar(clock=clock)

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        follow_redirects: bool = False,
    ) -> Exchange:
        """Navigate to `url`. `headers` replace those of the browser, also its cookies.

        Raises OSError without a response (TimeoutError after `timeout` seconds without a byte),
        `http.client.HTTPException` if the response is not HTTP, RuntimeError after 20 redirects,
        ValueError for an address that is not `http`.
        """
        return self._navigate(_Navigation("GET", url, "none", headers or {}), follow_redirects)

    def post(
        self,
        url: str,
        data: Mapping[str, str] | bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        follow_redirects: bool = False,
    ) -> Exchange:
        """Submit a form to `url`: a mapping as form fields, bytes unchanged. See `get`."""
        given = dict(headers or {})
        if not isinstance(data, bytes):
            data, given = urlencode(data).encode(), {"Content-Type": _FORM} | given
        navigation = _Navigation("POST", url, "same-origin", given, data)
        return self._navigate(navigation, follow_redirects)

    def document_cookie(self, url: str) -> str:
        """The value of `document.cookie` for a script on the page at `url`."""
        return self.jar.document_cookie(url)

    def restart(self) -> None:
        """Close the browser and open it again: session cookies are lost, others stay."""
        self.jar.restart()

    def _navigate(self, navigation: "_Navigation", follow_redirects: bool) -> Exchange:
        previous: Exchange | None = None
        for _ in range(1 + MAX_REDIRECTS):
            exchange = replace(self._exchange(navigation), redirected_from=previous)
            onward = navigation.follow(exchange) if follow_redirects else None
            if onward is None:
                return exchange
            navigation, previous = onward, exchange
        raise RuntimeError(f"more than {MAX_REDIRECTS} redirects, the last to {navigation.url}")

    def _exchange(self, navigation: "_Navigation") -> Exchange:
        sent = self._make_headers(navigation)
        status, headers, body = _send(navigation, sent, self.timeout)
        fields = _find_values(headers, "set-cookie")
        stored = [self.jar.store(navigation.url, field) for field in fields]
        return Exchange(
            method=navigation.method,
            url=navigation.url,
            request_headers=tuple(sent.items()),
            status=status,
            headers=headers,
            body=body,
            refused=tuple(cookie for cookie in stored if isinstance(cookie, Refused)),
        )

    def _make_headers(self, navigation: "_Navigation") -> dict[str, str]:
        """All headers of the request: the browser's own, then those that were given."""
        authority = _find_authority(navigation.url)
        headers = {"Host": authority, "User-Agent": USER_AGENT, "Accept": _ACCEPT}
        headers["Accept-Encoding"] = "identity"
        cookies = self.jar.cookies_for(navigation.url)
        if cookies:
            headers["Cookie"] = cookie_string(cookies)
        headers |= {"Sec-Fetch-Site": navigation.fetch_site, "Sec-Fetch-Mode": "navigate"}
        if navigation.body is not None:
            headers["Content-Length"] = str(len(navigation.body))
            headers["Origin"] = f"http://{authority}"
        return _replace_headers(headers, navigation.headers)


@dataclass(frozen=True, slots=True)
class _Navigation:
    """A request to send; `fetch_site` is its Sec-Fetch-Site."""

    method: str
    url: str
    fetch_site: str
    headers: Mapping[str, str]
    body: bytes | None = None

    def follow(self, exchange: Exchange) -> "_Navigation | None":
        """The request that a redirect leads to (Fetch standard); None without one."""
        location = exchange.header("location")
        if exchange.status not in _REDIRECTS or location is None:
            return None
        onward = replace(self, url=urljoin(self.url, location))
        if exchange.status == 303 or (exchange.status in (301, 302) and self.method == "POST"):
            kept = {n: v for n, v in self.headers.items() if not n.lower().startswith("content-")}
            return replace(onward, method="GET", body=None, headers=kept)
        return onward


def _send(
    navigation: _Navigation, headers: dict[str, str], timeout: float
) -> tuple[int, Headers, bytes]:
    parts = urlsplit(navigation.url)
    if parts.scheme != "http":  # a Secure cookie must not go in clear text to an https address
        raise ValueError(f"This browser speaks http alone: it cannot open {navigation.url}")
    target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    with closing(connection):
        connection.request(navigation.method, target, navigation.body, headers)
        response = connection.getresponse()
        return response.status, tuple(response.getheaders()), response.read()


def _find_authority(url: str) -> str:
    """Host and port; the port only where it is not 80."""
    return urlsplit(url).netloc.lower().removesuffix(":80")


def _find_values(headers: Headers, name: str) -> list[str]:
    return [value for key, value in headers if key.lower() == name.lower()]


def _replace_headers(headers: dict[str, str], given: Mapping[str, str]) -> dict[str, str]:
    names = {name.lower() for name in given}
    return {n: v for n, v in headers.items() if n.lower() not in names} | dict(given)


class AnyBrowser(Protocol):
    """The browser of a visitor: `Browser` or a real one."""

    @property
    def jar(self) -> Iterable[Cookie]: ...

    def get(self, url: str) -> Exchange: ...

    def post(self, url: str, data: Mapping[str, str] | bytes = b"") -> Exchange: ...

    def document_cookie(self, url: str) -> str: ...

    def restart(self) -> None: ...


MakeBrowser = Callable[[], AnyBrowser]
