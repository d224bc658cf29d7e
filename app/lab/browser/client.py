"""A browser without a window: it sends requests and follows the cookie rules.

    browser = Browser()
    browser.post(f"{site}/login", {"user": "alice", "password": "…"})
    page = browser.get(f"{site}/dashboard")
    assert page.status == 200 and not page.refused

A `Browser` may be used by several threads. A GET is an address that the user typed, a POST a form
on a page of the same origin. It supports `http` only, and follows no redirect.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from string import punctuation
from typing import Protocol
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from app.lab.browser.cookie_jar import Jar, Refused
from app.lab.browser.set_cookie import Cookie, path_of

TIMEOUT_SECONDS = 10.0  # for each wait on the socket
CHUNK_BYTES = 64 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024
USER_AGENT = "Mozilla/5.0 (compatible; SessionLab)"

_ACCEPT = "text/html,application/xhtml+xml,*/*;q=0.8"
_FORM = "application/x-www-form-urlencoded"

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

    @property
    def path(self) -> str:
        """The path of the address, "/" where it has none."""
        return path_of(self.url)

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode("utf-8", errors="replace")

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

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Exchange:
        """Navigate to `url`. `headers` replace those of the browser, also its cookies.

        Raises OSError without a response (TimeoutError after `timeout` seconds without a byte),
        `http.client.HTTPException` if the response is not HTTP, ValueError for an address that is
        not `http`.
        """
        return self._exchange("GET", url, None, {"Sec-Fetch-Site": "none"}, headers or {})

    def post(
        self,
        url: str,
        data: Mapping[str, str] | bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Exchange:
        """Submit a form to `url`: a mapping as form fields, bytes unchanged. See `get`."""
        own = {"Sec-Fetch-Site": "same-origin", "Origin": f"http://{_find_authority(url)}"}
        if not isinstance(data, bytes):
            data, own["Content-Type"] = urlencode(data).encode(), _FORM
        own["Content-Length"] = str(len(data))
        return self._exchange("POST", url, data, own, headers or {})

    def document_cookie(self, url: str) -> str:
        """The value of `document.cookie` for a script on the page at `url`."""
        return self.jar.document_cookie(url)

    def restart(self) -> None:
        """Close the browser and open it again: session cookies are lost, others stay."""
        self.jar.restart()

    def _exchange(
        self,
        method: str,
        url: str,
        body: bytes | None,
        own: Mapping[str, str],
        given: Mapping[str, str],
    ) -> Exchange:
        sent = _replace_headers({**self._make_headers(url), **own}, given)
        status, headers, content = _send(method, url, body, sent, self.timeout)
        stored = [self.jar.store(url, field) for field in _find_values(headers, "set-cookie")]
        return Exchange(
            method=method,
            url=url,
            request_headers=tuple(sent.items()),
            status=status,
            headers=headers,
            body=content,
            refused=tuple(cookie for cookie in stored if isinstance(cookie, Refused)),
        )

    def _make_headers(self, url: str) -> dict[str, str]:
        """The headers of every request, with the cookies."""
        headers = {
            "Host": _find_authority(url),
            "User-Agent": USER_AGENT,
            "Accept": _ACCEPT,
            "Accept-Encoding": "identity",
            "Sec-Fetch-Mode": "navigate",
        }
        cookies = self.jar.cookie_header(url)
        return {**headers, "Cookie": cookies} if cookies else headers


def _send(
    method: str, url: str, body: bytes | None, headers: Mapping[str, str], timeout: float
) -> tuple[int, Headers, bytes]:
    parts = urlsplit(url)
    if parts.scheme != "http":  # a Secure cookie must not go in clear text to an https address
        raise ValueError(f"This browser speaks http alone: it cannot open {url}")
    target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    target = quote(target, safe=punctuation)  # a page may link to `/über`
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    with closing(connection):
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        answer = _read_body(response, url, timeout)
        return response.status, tuple(response.getheaders()), answer


def _read_body(response: HTTPResponse, url: str, timeout: float) -> bytes:
    """Raises `TimeoutError` for a body without end, as a stream of events has."""
    body, deadline = bytearray(), time.monotonic() + timeout
    while part := response.read1(CHUNK_BYTES):
        body += part
        if len(body) > MAX_BODY_BYTES or time.monotonic() > deadline:
            raise TimeoutError(f"the answer of {path_of(url)} does not end")
    if response.length:
        raise IncompleteRead(bytes(body), response.length)
    return bytes(body)


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
