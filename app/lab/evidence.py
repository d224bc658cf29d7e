"""What an experiment leaves for a reader: the exchanges, the cookie, the record. Never a token."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from app.lab.browser import Exchange

SHOWN = 6
"""Characters of a token that are shown."""

LONGEST_VALUE = 400
"""Characters of a header's value that are shown."""

LONGEST_BODY = 600
"""Characters of a body that are shown, and only of one that is no page."""

MOST_EXCHANGES = 16
"""The first half and the last half of a longer experiment are kept."""

MOST_HOLDINGS = 3

_PAGE = re.compile(r"^\s*<!doctype html", re.IGNORECASE)


@dataclass(frozen=True)
class ShownExchange:
    """One request and its response, as devtools shows them."""

    method: str
    url: str
    status: int
    request_headers: list[tuple[str, str]]
    response_headers: list[tuple[str, str]]
    body: str
    inside: str = ""
    """The code that ran inside the view, where the experiment put it there."""
    refused: list[str] = field(default_factory=list)
    """Cookies of the response that the browser did not take, and why."""


@dataclass(frozen=True)
class Holding:
    """What the browser and the server held at one moment."""

    moment: str
    cookie: str
    """The session cookie's name."""
    cookie_bytes: int
    """Of name and value."""
    decoded: str | None
    """What anybody can read in it without a key."""
    where: str | None
    """The record's path or key; `None` where the server holds nothing."""
    record_bytes: int
    fields: dict[str, str]


@dataclass(frozen=True)
class Evidence:
    """What can be shown of one experiment."""

    exchanges: list[ShownExchange] = field(default_factory=list)
    left_out: int = 0
    """Exchanges in the middle that are not shown."""
    holdings: list[Holding] = field(default_factory=list)


class Recorder:
    """Takes down what happens in an experiment. Several threads may use it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._exchanges: list[tuple[Exchange, str]] = []
        self._left_out = 0
        self._holdings: list[Holding] = []
        self._secrets: set[str] = set()

    def add(self, exchange: Exchange, inside: str = "") -> None:
        """Note an exchange, and the code that ran inside its view."""
        with self._lock:
            self._exchanges.append((exchange, inside))
            if len(self._exchanges) > MOST_EXCHANGES:
                del self._exchanges[MOST_EXCHANGES // 2]
                self._left_out += 1

    def hide(self, token: str) -> None:
        """Show no more of this token than its beginning, wherever it stands."""
        if len(token) > SHOWN:
            with self._lock:
                self._secrets.add(token)

    def hold(self, holding: Holding) -> None:
        """Note what both sides hold now; the first few moments of an experiment are kept."""
        with self._lock:
            if len(self._holdings) < MOST_HOLDINGS:
                self._holdings.append(holding)

    @property
    def wants_holdings(self) -> bool:
        return len(self._holdings) < MOST_HOLDINGS

    def evidence(self) -> Evidence:
        """All of it, with the tokens masked."""
        with self._lock:
            secrets = sorted(self._secrets, key=len, reverse=True)
            shown = [_shown(exchange, inside, secrets) for exchange, inside in self._exchanges]
            return Evidence(shown, self._left_out, list(self._holdings))


def masked(token: str) -> str:
    """The beginning of a token, and how long it is."""
    return f"{token[:SHOWN]}…({len(token)} characters)"


def _shown(exchange: Exchange, inside: str, secrets: Collection[str]) -> ShownExchange:
    return ShownExchange(
        method=exchange.method,
        url=_clean(exchange.url, secrets),
        status=exchange.status,
        request_headers=_clean_headers(exchange.request_headers, secrets),
        response_headers=_clean_headers(exchange.headers, secrets),
        body=_body(exchange, secrets),
        inside=inside,
        refused=[f"{refused.name}: {refused.reason}" for refused in exchange.refused],
    )


def _clean_headers(headers: Any, secrets: Collection[str]) -> list[tuple[str, str]]:
    return [(name, _shortened(_clean(value, secrets), LONGEST_VALUE)) for name, value in headers]


def _body(exchange: Exchange, secrets: Collection[str]) -> str:
    if _PAGE.match(exchange.text[:100]):
        return f"(a page of {len(exchange.body)} bytes)"
    return _shortened(_clean(exchange.text, secrets), LONGEST_BODY)


def _clean(text: str, secrets: Collection[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, masked(secret))
    return text


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
