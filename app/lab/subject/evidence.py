"""What an experiment leaves for a reader: what was done, the exchanges, the cookie, the record.

Never a token.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from threading import Lock
from typing import Any, TypeVar

from app.lab.browser.client import Exchange
from app.lab.browser.set_cookie import read_set_cookie

SHOWN = 6
"""Characters of a token that are shown."""

LEAST_SECRET = 16
"""Characters from which the value of a cookie that no script may read is taken for a secret."""

LONGEST_VALUE = 400
"""Characters of a header's value, and of a field's, that are shown."""

LONGEST_DECODED = 2000
"""Characters of what can be read in a cookie that are shown."""

LONGEST_BODY = 600
"""Characters of a body that are shown, and only of one that is no page."""

MOST_EXCHANGES = 16
"""The first half and the last half of a longer experiment are kept."""

FIRST_HOLDINGS = 2
"""Moments from the beginning of an experiment that are kept, beside its end."""

AT_THE_END = "at the end"

_PAGE = re.compile(r"^\s*<!doctype html", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class _Step:
    """An exchange, and what led to it."""

    before: list[str] = field(default_factory=list)
    """What the experiment did since the last exchange, in words: time, a restart, an outage."""


Step = TypeVar("Step", bound=_Step)


@dataclass(frozen=True)
class ShownExchange(_Step):
    """One request and its response, as devtools shows them."""

    method: str
    """The request's method."""
    url: str
    """The request's address."""
    status: int
    """The response's status."""
    request_headers: list[tuple[str, str]]
    """Names and values that were sent, in their order; a long value is shortened."""
    response_headers: list[tuple[str, str]]
    """Names and values that came back, in their order; a long value is shortened."""
    body: str
    """The response's body, shortened; of a page only its length."""
    inside: str = ""
    """The code that ran inside the view, where the experiment put it there."""
    refused: list[str] = field(default_factory=list)
    """Cookies of the response that the browser did not take, and why."""


@dataclass(frozen=True)
class Holding:
    """What the browser and the server held at one moment."""

    moment: str
    """When, in words."""
    cookie: str
    """The session cookie's name."""
    cookie_bytes: int
    """The length of its name and value; 0 without a cookie."""
    decoded: str | None
    """What anybody can read in it without a key; `None` where that is nothing."""
    where: str | None
    """The record's path or key; `None` where the server holds nothing."""
    record_bytes: int
    """The length of the record."""
    fields: dict[str, str]
    """The record's fields as text, by their names."""


@dataclass(frozen=True)
class Evidence:
    """What can be shown of one experiment."""

    exchanges: list[ShownExchange] = field(default_factory=list)
    """Requests with their responses, in their order."""
    left_out: int = 0
    """Exchanges in the middle that are not shown."""
    holdings: list[Holding] = field(default_factory=list)
    """What browser and server held at some moments."""
    afterwards: list[str] = field(default_factory=list)
    """What the experiment did after the last exchange, in words."""


@dataclass(frozen=True)
class _Taken(_Step):
    """An exchange as the recorder takes it down."""

    exchange: Exchange
    inside: str


class Recorder:
    """Takes down what happens in an experiment. Several threads may use it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken: list[_Taken] = []
        self._left_out = 0
        self._notes: list[str] = []
        self._holdings: list[Holding] = []
        self._secrets: set[str] = set()

    def add(self, exchange: Exchange, inside: str = "") -> None:
        """Note an exchange, and the code that ran inside its view.

        Cookies that it sets and no script may read are hidden as tokens are: a handle, a
        remembered login.
        """
        for secret in _secrets(exchange):
            self.hide(secret)
        with self._lock:
            self._taken.append(_Taken(exchange, inside, before=self._notes))
            self._notes = []
            if len(self._taken) > MOST_EXCHANGES:
                self._taken = _both_ends(self._taken, MOST_EXCHANGES)
                self._left_out += 1

    def note(self, what: str) -> None:
        """Note what the experiment does now, other than to ask: `8 h pass`."""
        with self._lock:
            self._notes.append(what)

    def hide(self, token: str) -> None:
        """Show no more of this token than its beginning, wherever it stands."""
        if len(token) > SHOWN:
            with self._lock:
                self._secrets.add(token)

    def hold(self, holding: Holding) -> None:
        """Note what both sides hold now. Where nothing has changed it is one with the last."""
        holding = _within_reason(holding)
        with self._lock:
            last = self._holdings[-1] if self._holdings else None
            if last is None or replace(last, moment=holding.moment) != holding:
                self._holdings.append(holding)
            elif last != holding:
                self._holdings[-1] = replace(last, moment=f"{last.moment} and {holding.moment}")

    @property
    def wants_holdings(self) -> bool:
        """Whether the experiment is still at its beginning."""
        return len(self._holdings) < FIRST_HOLDINGS

    def evidence(self) -> Evidence:
        """All of it, with the tokens masked."""
        with self._lock:
            secrets = sorted(self._secrets, key=len, reverse=True)
            return Evidence(
                [_shown(taken, secrets) for taken in self._taken],
                self._left_out,
                list(self._holdings),
                _counted(self._notes, secrets),
            )


def shortened(evidence: Evidence, most: int) -> Evidence:
    """The same with the first and the last exchanges only, `most` in all.

    What the experiment did between the others is not left out with them.
    """
    kept = _both_ends(evidence.exchanges, most)
    left_out = evidence.left_out + len(evidence.exchanges) - len(kept)
    return replace(evidence, exchanges=kept, left_out=left_out)


def _both_ends(steps: Sequence[Step], most: int) -> list[Step]:
    if len(steps) <= most:
        return list(steps)
    half = most // 2
    gone, next_one, last = steps[half:-half], steps[-half], steps[len(steps) - half + 1 :]
    notes = [note for step in (*gone, next_one) for note in step.before]
    return [*steps[:half], replace(next_one, before=_last_of_each(notes)), *last]


def _last_of_each(notes: Sequence[str]) -> list[str]:
    """Each note once, and in the order in which they were last made."""
    return list(dict.fromkeys(reversed(notes)))[::-1]


def _secrets(exchange: Exchange) -> list[str]:
    asked = [read_set_cookie(value, exchange.url, 0.0).cookie for value in exchange.set_cookies]
    return [each.value for each in asked if each.http_only and len(each.value) >= LEAST_SECRET]


def masked(token: str) -> str:
    """The beginning of a token, and how long it is."""
    return f"{token[:SHOWN]}…({len(token)} characters)"


def _within_reason(holding: Holding) -> Holding:
    """Without the most of long texts: experiments store as much as they can."""
    decoded = holding.decoded and _shortened(holding.decoded, LONGEST_DECODED)
    fields = {name: _shortened(text, LONGEST_VALUE) for name, text in holding.fields.items()}
    return replace(holding, decoded=decoded, fields=fields)


def _counted(notes: Sequence[str], secrets: Collection[str]) -> list[str]:
    """Those that come several times in a row once, with their number."""
    runs = [(note, len(list(alike))) for note, alike in groupby(notes)]
    return [
        _clean(note, secrets) + (f" ({times} times)" if times > 1 else "") for note, times in runs
    ]


def _shown(taken: _Taken, secrets: Collection[str]) -> ShownExchange:
    exchange = taken.exchange
    return ShownExchange(
        before=_counted(taken.before, secrets),
        method=exchange.method,
        url=_clean(exchange.url, secrets),
        status=exchange.status,
        request_headers=_clean_headers(exchange.request_headers, secrets),
        response_headers=_clean_headers(exchange.headers, secrets),
        body=_body(exchange, secrets),
        inside=taken.inside,
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
