"""A parser for Set-Cookie as browsers have it: RFC 6265bis, sections 5.1 and 5.6.

Text: a header field, a name and a value are `str` with one character an octet (ISO-8859-1, as
`http.client` and WSGI hand them over), so `len` counts octets. URLs are absolute and ASCII.

`app.lab.browser.cookie_jar` decides whether the cookie may be kept.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

SameSite = Literal["Strict", "Lax", "None", "Default"]

MAX_ATTRIBUTE_BYTES = 1024  # 5.6
MAX_LIFETIME_SECONDS = 400 * 24 * 60 * 60  # 5.5

_WHITESPACE = " \t"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_AGE = re.compile(r"-?[0-9]+")
_EXPIRED = 0.0
_SAME_SITE: dict[str, SameSite] = {"strict": "Strict", "lax": "Lax", "none": "None"}

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE_DELIMITERS = re.compile(r"[\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_DATE_FIELDS = (
    ("time", re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])")),
    ("day", re.compile(r"([0-9]{1,2})(?![0-9])")),
    ("month", re.compile(f"({'|'.join(_MONTHS)})", re.IGNORECASE)),
    ("year", re.compile(r"([0-9]{2,4})(?![0-9])")),
)
_MIN_YEAR = 1601


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie as the browser keeps it (5.7).

    `created` and `expires` are seconds since the epoch; `expires` is None for a session cookie,
    which lives until the browser closes. `same_site` is "Default" where the server gave no value
    or an unknown one.
    """

    name: str
    value: str
    domain: str
    host_only: bool
    path: str
    expires: float | None
    secure: bool
    http_only: bool
    same_site: SameSite
    partitioned: bool
    created: float

    @property
    def key(self) -> tuple[str, str, bool, str, bool]:
        """The cookie's identity: 5.7, step 23, and whether it is partitioned (CHIPS)."""
        return self.name, self.domain, self.host_only, self.path, self.partitioned

    def is_expired(self, now: float) -> bool:
        """Whether it has expired at `now`, seconds since the epoch."""
        return self.expires is not None and self.expires <= now


@dataclass(frozen=True, slots=True)
class SetCookie:
    """A parsed Set-Cookie field, whether or not a browser may keep its cookie."""

    cookie: Cookie
    attributes: Mapping[str, str]
    """The last valid one of each name, which is in lower case."""
    has_control_character: bool


def read_set_cookie(header: str, url: str, now: float) -> SetCookie:
    """Parse the field `header` of a response from `url`, received at `now` (5.6)."""
    pair, *rest = header.split(";")
    name, value = _split(pair if "=" in pair else f"={pair}")
    pieces = [_split(piece) for piece in rest]
    attributes = {k.lower(): v for k, v in pieces if _is_valid(k.lower(), v)}
    domain, host_only = _find_scope(attributes.get("domain", ""), host_of(url))
    path = attributes.get("path", "")
    cookie = Cookie(
        name=name,
        value=value,
        domain=domain,
        host_only=host_only,
        path=path if path.startswith("/") else default_path(url),
        expires=_find_expiry(attributes, now),
        secure="secure" in attributes,
        http_only="httponly" in attributes,
        same_site=_SAME_SITE.get(attributes.get("samesite", "").lower(), "Default"),
        partitioned="partitioned" in attributes,
        created=now,
    )
    parts = (part for piece in [(name, value), *pieces] for part in piece)
    return SetCookie(cookie, attributes, any(map(_CONTROL.search, parts)))


def parse_cookie_date(text: str) -> float | None:
    """The seconds since the epoch of an Expires value; None if invalid (5.1.1)."""
    found: dict[str, re.Match[str]] = {}
    for token in _DATE_DELIMITERS.split(text):
        for field, pattern in _DATE_FIELDS:
            if field not in found and (match := pattern.match(token)):
                found[field] = match
                break
    if len(found) < len(_DATE_FIELDS):
        return None
    year = _expand_year(int(found["year"][1]))
    month = _MONTHS.index(found["month"][1].lower()) + 1
    hour, minute, second = map(int, found["time"].groups())
    try:
        moment = datetime(year, month, int(found["day"][1]), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return moment.timestamp() if year >= _MIN_YEAR else None


def default_path(url: str) -> str:
    """The path of a cookie without a Path: the folder of the request's path (5.1.4)."""
    return path_of(url).rpartition("/")[0] or "/"


def path_matches(request_path: str, cookie_path: str) -> bool:
    """Whether the cookie's path is the request's path or a folder above it (5.1.4)."""
    folder = cookie_path if cookie_path.endswith("/") else f"{cookie_path}/"
    return request_path == cookie_path or request_path.startswith(folder)


def domain_matches(host: str, domain: str) -> bool:
    """Whether `host` is `domain` or a subdomain of it; an IP address is none (5.1.3)."""
    return host == domain or (host.endswith(f".{domain}") and not is_ip(host))


def is_public_suffix(domain: str) -> bool:
    """Whether no cookie may be set for all of `domain` (5.7, step 9).

    The Public Suffix List is reduced to: a domain without a dot, and an IP address.
    """
    return "." not in domain or is_ip(domain)


def is_ip(host: str) -> bool:
    """Whether `host` is an IPv4 or IPv6 address, without brackets."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def host_of(url: str) -> str:
    """The host in lower case, without port and brackets."""
    return urlsplit(url).hostname or ""


def path_of(url: str) -> str:
    """The path, "/" where the URL has none."""
    return urlsplit(url).path or "/"


def _split(piece: str) -> tuple[str, str]:
    name, _, value = piece.partition("=")
    return name.strip(_WHITESPACE), value.strip(_WHITESPACE)


def _is_valid(name: str, value: str) -> bool:
    """Whether a browser does not ignore the attribute (5.6, 5.6.1, 5.6.2)."""
    if len(value) > MAX_ATTRIBUTE_BYTES:
        return False
    if name == "max-age":
        return _MAX_AGE.fullmatch(value) is not None
    if name == "expires":
        return parse_cookie_date(value) is not None
    return True


def _find_scope(given: str, host: str) -> tuple[str, bool]:
    """The cookie's domain and its host-only flag (5.6.3; 5.7, steps 7 to 10)."""
    domain = given.removeprefix(".").lower()
    if not given or (domain == host and is_public_suffix(domain)):
        return host, True
    return domain, False


def _find_expiry(attributes: Mapping[str, str], now: float) -> float | None:
    """When the cookie expires: 5.5 and 5.7, step 6. Max-Age goes before Expires."""
    if "max-age" in attributes:
        seconds = min(int(attributes["max-age"]), MAX_LIFETIME_SECONDS)
        return now + seconds if seconds > 0 else _EXPIRED
    date = parse_cookie_date(attributes.get("expires", ""))
    return None if date is None else min(date, now + MAX_LIFETIME_SECONDS)


def _expand_year(year: int) -> int:
    if 70 <= year <= 99:
        return year + 1900
    return year + 2000 if year <= 69 else year
