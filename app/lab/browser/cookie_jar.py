"""A cookie jar with the rules of browsers: RFC 6265bis, sections 5.4 to 5.8.

Werkzeug's test client and `requests` keep almost none of these rules, so a cookie that every
browser drops looks fine there. This jar drops it, and says why. Every request counts as a
navigation of a tab (top level) that the same site started, so `SameSite` holds no cookie back.

The RFC lets a browser ignore any cookie (5.7, step 1) and choose some limits itself. There the
jar does as Chromium does, and the tests compare the two:

- a tab inside a name, a value or an attribute, and a nameless value with "=" in it, are refused;
- an IP address is its own public suffix; `Domain=.` is refused; `__Host-` tolerates no `Domain`,
  not even `Domain=localhost` on localhost;
- `__Http-` and `__Host-Http-` (draft-ietf-httpbis-layered-cookies) need `HttpOnly` as well;
- `Partitioned` needs `Secure`, and a partitioned cookie is another cookie than its unpartitioned
  namesake (CHIPS): deleting the one leaves the other.

Chromium breaks the RFC in some details, and there the jar keeps to the RFC: Chromium moves a
cookie whose value changed behind its equals, reads `Max-Age=+12` and dates before 1601, lets a
malformed attribute hide a good one before it, and takes a `__Host-` cookie whose `Domain` repeats
the host's IP address.

Left out: eviction beyond a number of cookies (a browser keeps at least 50 a domain, Chromium 180),
because no experiment sets so many, and the Public Suffix List (see `is_public_suffix`).
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address
from threading import Lock
from urllib.parse import urlsplit

from app.lab.browser.set_cookie import (
    Cookie,
    SetCookie,
    domain_matches,
    host_of,
    is_ip,
    is_public_suffix,
    path_matches,
    path_of,
    read_set_cookie,
)

MAX_COOKIE_BYTES = 4096  # of name and value, 5.7

_PREFIXES = ("__secure-", "__host-", "__http-")


@dataclass(frozen=True, slots=True)
class Refused:
    """A cookie that the browser did not keep, and why, in words for people."""

    name: str
    reason: str


class Jar:
    """The cookies of one browser, for several threads; `clock` gives seconds since the epoch."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._held: dict[tuple[str, str, bool, str, bool], Cookie] = {}
        self._lock = Lock()

    def __iter__(self) -> Iterator[Cookie]:
        """The current cookies, in the order in which they were first set."""
        with self._lock:
            return iter(self._remove_expired(self._clock()))

    def store(self, url: str, header: str) -> Cookie | Refused:
        """Store the cookie of a Set-Cookie field in a response from `url` (5.6, 5.7).

        If the cookie that is returned has expired, it has deleted the cookie of its name.
        """
        with self._lock:
            now = self._clock()
            field = read_set_cookie(header, url, now)
            if reason := next(_find_objections(field, url, self._remove_expired(now)), None):
                return Refused(field.cookie.name, reason)
            return self._keep(field.cookie, now)

    def cookie_header(self, url: str) -> str:
        """The Cookie field of a navigation to `url` (5.8.3); empty without a cookie for it."""
        return _join(self._find_cookies(url))

    def document_cookie(self, url: str) -> str:
        """The value of `document.cookie` for a script on the page at `url` (5.8.2)."""
        visible = [cookie for cookie in self._find_cookies(url) if not cookie.http_only]
        return _join(visible).encode("latin-1").decode("utf-8", errors="replace")

    def restart(self) -> None:
        """Remove the session cookies, as browsers do when they are closed (5.7)."""
        with self._lock:
            self._held = {key: c for key, c in self._held.items() if c.expires is not None}

    def _find_cookies(self, url: str) -> list[Cookie]:
        """The cookies that belong to `url`, in the order of sending (5.8.3)."""
        host, path, secure = host_of(url), path_of(url), _is_secure_origin(url)
        matching = (
            cookie
            for cookie in self
            if _covers(cookie, host)
            and path_matches(path, cookie.path)
            and (secure or not cookie.secure)
        )
        return sorted(matching, key=lambda cookie: (-len(cookie.path), cookie.created))

    def _remove_expired(self, now: float) -> list[Cookie]:
        """Remove expired cookies, and return the others."""
        self._held = {key: c for key, c in self._held.items() if not c.is_expired(now)}
        return list(self._held.values())

    def _keep(self, cookie: Cookie, now: float) -> Cookie:
        """Replace the cookie of the same key, but keep its creation time (5.7, step 23)."""
        old = self._held.get(cookie.key)
        kept = replace(cookie, created=old.created) if old else cookie
        if kept.is_expired(now):
            self._held.pop(kept.key, None)
        else:
            self._held[kept.key] = kept
        return kept


def _join(cookies: list[Cookie]) -> str:
    """The value of a field with these cookies (5.8.3, step 6)."""
    return "; ".join(f"{c.name}={c.value}" if c.name else c.value for c in cookies)


def _is_secure_origin(url: str) -> bool:
    """Over HTTPS, or to loopback, which Chromium trusts as well (5.8.3 leaves that to it)."""
    host = host_of(url)
    is_loopback = ip_address(host).is_loopback if is_ip(host) else domain_matches(host, "localhost")
    return is_loopback or urlsplit(url).scheme == "https"


def _covers(cookie: Cookie, host: str) -> bool:
    return host == cookie.domain if cookie.host_only else domain_matches(host, cookie.domain)


def _find_objections(field: SetCookie, url: str, held: list[Cookie]) -> Iterator[str]:
    """The reasons why the browser refuses the cookie, as text; none if it does not."""
    yield from _check_content(field)
    yield from _check_domain(field.cookie, host_of(url))
    yield from _check_secure(field.cookie, _is_secure_origin(url), held)
    yield from _check_prefix(field)


def _check_content(field: SetCookie) -> Iterator[str]:
    name, value = field.cookie.name, field.cookie.value
    size = len(name) + len(value)
    if field.has_control_character:
        yield "the Set-Cookie field has a control character in it (RFC 6265bis 5.6)"
    if not size:
        yield "it has neither a name nor a value (RFC 6265bis 5.7)"
    if size > MAX_COOKIE_BYTES:
        yield (
            f"name and value are {size} bytes, a browser keeps at most {MAX_COOKIE_BYTES} "
            "(RFC 6265bis 5.7)"
        )
    # The value of a nameless cookie is sent alone, so that it could pass for another's name.
    if not name and ("=" in value or value.lower().startswith(_PREFIXES)):
        yield "it has no name, and its value could pass for one (RFC 6265bis 5.7)"


def _check_domain(cookie: Cookie, host: str) -> Iterator[str]:
    if cookie.host_only:
        return
    if is_public_suffix(cookie.domain):
        yield f"Domain={cookie.domain} is a public suffix, not one site's own (RFC 6265bis 5.7)"
    if not domain_matches(host, cookie.domain):
        yield f"Domain={cookie.domain} does not cover the host {host} (RFC 6265bis 5.7)"


def _check_secure(cookie: Cookie, secure_origin: bool, held: list[Cookie]) -> Iterator[str]:
    if cookie.secure and not secure_origin:
        yield "it is Secure, and the response did not come over HTTPS (RFC 6265bis 5.7)"
    if not secure_origin and any(_overlays(cookie, old) for old in held if old.secure):
        yield (
            "a Secure cookie has this name, and a response that did not come over HTTPS may not "
            "overlay it (RFC 6265bis 5.7)"
        )
    if cookie.same_site == "None" and not cookie.secure:
        yield "SameSite=None needs Secure (RFC 6265bis 5.7)"
    if cookie.partitioned and not cookie.secure:
        yield "Partitioned needs Secure (CHIPS)"


def _overlays(new: Cookie, old: Cookie) -> bool:
    domains = domain_matches(old.domain, new.domain) or domain_matches(new.domain, old.domain)
    return old.name == new.name and domains and path_matches(new.path, old.path)


def _check_prefix(field: SetCookie) -> Iterator[str]:
    """Servers may read a prefix in any case, so it binds in any case (5.4)."""
    name = field.cookie.name.lower()
    if name.startswith(_PREFIXES) and not field.cookie.secure:
        yield "the prefix of its name needs Secure (RFC 6265bis 5.7)"
    if name.startswith("__host-") and field.attributes.get("domain"):
        yield "the prefix of its name forbids Domain (RFC 6265bis 5.7)"
    if name.startswith("__host-") and field.attributes.get("path") != "/":
        yield "the prefix of its name needs Path=/ (RFC 6265bis 5.7)"
    if name.startswith(("__http-", "__host-http-")) and not field.cookie.http_only:
        yield "the prefix of its name needs HttpOnly (draft-ietf-httpbis-layered-cookies)"
