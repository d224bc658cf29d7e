"""The evidence of an experiment: its actions, exchanges, cookie and record.

No token stands in it whole.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from string import ascii_uppercase
from threading import Lock

from humanize import ordinal

from app.lab.browser.client import Exchange
from app.lab.browser.set_cookie import read_set_cookie

VISIBLE_TOKEN_CHARACTERS = 6

MIN_SECRET_CHARACTERS = 16
"""The value of an HttpOnly cookie counts as a secret from this length on."""

MAX_VALUE_CHARACTERS = 400
"""For the value of a header or of a record's field."""

MAX_DECODED_CHARACTERS = 2000
MAX_BODY_CHARACTERS = 600

MAX_EXCHANGES = 16
"""Of a longer experiment the first half and the last half of these are kept."""

MAX_EARLY_HOLDINGS = 2
"""Moments from the beginning of an experiment, beside its end."""

AT_THE_END = "at the end"

SESSION_HEADERS = ("cookie", "set-cookie", "location", "retry-after", "vary")
"""Headers that say something about a session."""

_PAGE = re.compile(r"^\s*<!doctype html", re.IGNORECASE)


@dataclass(frozen=True)
class ShownExchange:
    """One request and its response, as devtools shows them."""

    before: list[str] = field(default_factory=list, kw_only=True)
    """What the experiment did since the last exchange, in words: time, a restart, an outage."""
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
    actor: str = ""
    """Who sent it: a browser by whose it is, or somebody with a copied token."""
    sent: list[str] = field(default_factory=list)
    """The letters of the tokens in the request; A is the first that the experiment met."""
    got: list[str] = field(default_factory=list)
    """The letters of the tokens that the response sets."""
    decides: bool = False
    """Whether the verdict comes from this response, alone or with others."""


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
    deciding: int = 0
    """How many exchanges decide the verdict together, shown or left out."""
    decided_by: str = ""
    """What decides the verdict in place of an exchange, in words: a look into the store."""


class Recorder:
    """Collects the evidence of an experiment. Several threads may use it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._exchanges: list[ShownExchange] = []
        self._left_out = 0
        self._notes: list[str] = []
        self._holdings: list[Holding] = []
        self._secrets: dict[str, str] = {}
        """The letter of each token of a session, by the token; empty for another secret."""
        self._browsers = 0
        self._is_deciding = False
        self._deciding = 0
        self._decided_by = ""

    def name_browser(self, person: str) -> str:
        """A name for one more browser of this person: `Alice’s second browser`."""
        with self._lock:
            self._browsers += 1
            return f"{person}’s {_ordinal(self._browsers)}browser"

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """Mark the exchanges that end in this block as those that decide the verdict."""
        self._is_deciding = True
        try:
            yield
        finally:
            self._is_deciding = False

    def note_decision(self, step: str) -> None:
        """Add, in words, the step that decides the verdict where that is no exchange."""
        self._decided_by = step

    def add(self, exchange: Exchange, inside: str, actor: str) -> None:
        """Add an exchange, the code that ran inside its view, and who sent it.

        The HttpOnly cookies that it sets are masked as tokens are: a handle, a remembered login.
        """
        with self._lock:
            for value in exchange.set_cookies:
                cookie = read_set_cookie(value, exchange.url, 0.0).cookie
                if cookie.http_only and len(cookie.value) >= MIN_SECRET_CHARACTERS:
                    self._secrets.setdefault(cookie.value, "")
            shown = _describe(exchange, inside, self._notes)
            self._exchanges.append(replace(shown, actor=actor, decides=self._is_deciding))
            self._deciding += self._is_deciding
            self._notes = []
            if len(self._exchanges) > MAX_EXCHANGES:
                self._exchanges = _keep_both_ends(self._exchanges, MAX_EXCHANGES)
                self._left_out += 1

    def note(self, event: str) -> None:
        """Add, in words, what the experiment does besides sending requests: `8 h pass.`"""
        with self._lock:
            self._notes.append(event)

    def mask(self, token: str) -> None:
        """Show only the beginning of this token, and a letter, wherever it stands."""
        if len(token) > VISIBLE_TOKEN_CHARACTERS:
            with self._lock:
                if not self._secrets.get(token):
                    self._secrets[token] = _letter(sum(map(bool, self._secrets.values())))

    def add_holding(self, holding: Holding) -> None:
        """Add what both sides hold; if that has not changed, add only the moment."""
        holding = _shorten_holding(holding)
        with self._lock:
            last = self._holdings[-1] if self._holdings else None
            if last is None or replace(last, moment=holding.moment) != holding:
                self._holdings.append(holding)
            elif last != holding:
                self._holdings[-1] = replace(last, moment=f"{last.moment} and {holding.moment}")

    @property
    def wants_holdings(self) -> bool:
        """Whether the experiment is still at its beginning."""
        return len(self._holdings) < MAX_EARLY_HOLDINGS

    def evidence(self) -> Evidence:
        """The evidence so far, with the tokens masked."""
        with self._lock:
            longest_first = sorted(self._secrets, key=len, reverse=True)
            secrets = {token: self._secrets[token] for token in longest_first}
            return Evidence(
                [_mask_exchange(exchange, secrets) for exchange in self._exchanges],
                self._left_out,
                list(self._holdings),
                _mask_notes(self._notes, secrets),
                self._deciding,
                _mask(self._decided_by, secrets),
            )


def shorten_evidence(evidence: Evidence, most: int) -> Evidence:
    """The evidence with only `most` exchanges, the first and the last, and headers about sessions.

    What the experiment did between the others is kept.
    """
    exchanges = [
        replace(
            exchange,
            request_headers=_select_session_headers(exchange.request_headers),
            response_headers=_select_session_headers(exchange.response_headers),
        )
        for exchange in _keep_both_ends(evidence.exchanges, most)
    ]
    left_out = evidence.left_out + len(evidence.exchanges) - len(exchanges)
    return replace(evidence, exchanges=exchanges, left_out=left_out)


def _select_session_headers(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() in SESSION_HEADERS]


def _ordinal(number: int) -> str:
    """What stands before the noun: nothing for the first, then `second `, … `11th `."""
    words = ("", "second ", "third ", "fourth ", "fifth ")
    return words[number - 1] if number <= len(words) else f"{ordinal(number)} "


def _letter(index: int) -> str:
    """A to Z, then A2 to Z2, and so on."""
    row, column = divmod(index, len(ascii_uppercase))
    return f"{ascii_uppercase[column]}{row + 1 if row else ''}"


def _describe(exchange: Exchange, inside: str, notes: list[str]) -> ShownExchange:
    is_page = _PAGE.match(exchange.text[:100])
    return ShownExchange(
        before=notes,
        method=exchange.method,
        url=exchange.url,
        status=exchange.status,
        request_headers=list(exchange.request_headers),
        response_headers=list(exchange.headers),
        body=f"(a page of {len(exchange.body)} bytes)" if is_page else exchange.text,
        inside=inside,
        refused=[f"{refused.name}: {refused.reason}" for refused in exchange.refused],
    )


def _keep_both_ends(exchanges: Sequence[ShownExchange], most: int) -> list[ShownExchange]:
    if len(exchanges) <= most:
        return list(exchanges)
    half = most // 2
    start = len(exchanges) - half
    notes = [note for exchange in exchanges[half : start + 1] for note in exchange.before]
    latest = list(dict.fromkeys(reversed(notes)))[::-1]  # each once, ordered by its last time
    return [*exchanges[:half], replace(exchanges[start], before=latest), *exchanges[start + 1 :]]


def _mask_exchange(exchange: ShownExchange, secrets: Mapping[str, str]) -> ShownExchange:
    return replace(
        exchange,
        sent=_find_letters(exchange.request_headers, "cookie", secrets),
        got=_find_letters(exchange.response_headers, "set-cookie", secrets),
        before=_mask_notes(exchange.before, secrets),
        url=_mask(exchange.url, secrets),
        request_headers=_mask_headers(exchange.request_headers, secrets),
        response_headers=_mask_headers(exchange.response_headers, secrets),
        body=_shorten(_mask(exchange.body, secrets), MAX_BODY_CHARACTERS),
    )


def _find_letters(
    headers: Iterable[tuple[str, str]], name: str, secrets: Mapping[str, str]
) -> list[str]:
    text = "\n".join(value for header, value in headers if header.lower() == name)
    found = set()
    for token, letter in secrets.items():
        if token in text:
            text = text.replace(token, "")  # a shorter token that is a part of it was not sent
            found.add(letter)
    return sorted(found - {""}, key=lambda letter: (len(letter), letter))


def _mask_notes(notes: Iterable[str], secrets: Mapping[str, str]) -> list[str]:
    """The notes; equal ones in a row once, with their number."""
    runs = [(note, len(list(equal))) for note, equal in groupby(notes)]
    return [_mask(note, secrets) + (f" ({n} times)" if n > 1 else "") for note, n in runs]


def _mask_headers(
    headers: Iterable[tuple[str, str]], secrets: Mapping[str, str]
) -> list[tuple[str, str]]:
    return [
        (name, _shorten(_mask(value, secrets), MAX_VALUE_CHARACTERS)) for name, value in headers
    ]


def _mask(text: str, secrets: Mapping[str, str]) -> str:
    """Each token by its beginning, its letter and its length."""
    for token, letter in secrets.items():
        if token in text:  # rarely, among dozens of tokens: no name is made in vain
            told = f"{f'token {letter}, ' if letter else ''}{len(token)} characters"
            text = text.replace(token, f"{token[:VISIBLE_TOKEN_CHARACTERS]}…({told})")
    return text


def _shorten_holding(holding: Holding) -> Holding:
    """Shorten long texts: experiments store as much as they can."""
    decoded = holding.decoded and _shorten(holding.decoded, MAX_DECODED_CHARACTERS)
    fields = {name: _shorten(text, MAX_VALUE_CHARACTERS) for name, text in holding.fields.items()}
    return replace(holding, decoded=decoded, fields=fields)


def _shorten(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
