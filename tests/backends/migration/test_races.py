"""A move is one, whoever is held up or killed between its steps."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from flask import Flask

from backends import Store, StoreUnavailable, interface_of, lister_of
from tests.backends.migration.conftest import Before, Browser
from tests.conftest import PLACES
from tests.support.cases import case
from tests.support.clock import SetClock

STEPS = ("create", "load", "update")
"""The methods of a store that a move calls."""


class Killed(BaseException):
    """The process ends here."""


def interrupt(
    monkeypatch: pytest.MonkeyPatch, store: Store, at: int, do: Callable[[], Any], *, after: bool
) -> list[int]:
    """Call `do` once, before or after the call number `at` of the store. Returns the calls made."""
    calls = [0]

    def wrap(whole: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            calls[0] += 1
            number = calls[0]
            if number == at and not after:
                do()
            result = whole(*args, **kwargs)
            if number == at and after:
                do()
            return result

        return call

    for method in STEPS:
        monkeypatch.setattr(store, method, wrap(getattr(store, method)))
    return calls


def kill() -> None:
    raise Killed


pytestmark = pytest.mark.parametrize(
    "placed",
    [place for place in PLACES if place[0].revocable and place[1] == "real"],
    indirect=True,
    ids=lambda place: place[0].name,
)


@pytest.mark.parametrize("after_it", [False, True], ids=["before", "after"])
def test_a_killed_move_logs_nobody_out(
    before: Before, after: Flask, monkeypatch: pytest.MonkeyPatch, after_it: bool
) -> None:
    store = interface_of(after).store
    for at in range(1, 9):
        with case(at):
            old = before.log_in()
            with monkeypatch.context() as patch:
                interrupt(patch, store, at, kill, after=after_it)
                with suppress(Killed):
                    Browser(after, old.token).get("/")
            assert Browser(after, old.token).data() == {"user": "alice"}


@pytest.mark.parametrize("at", range(1, 7))
def test_a_held_up_move_brings_back_nothing(
    before: Before, after: Flask, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Held up at each step, while another request moves the session and its user logs out."""
    old = before.log_in()
    store = interface_of(after).store
    tokens: list[str] = []

    def move_and_log_out() -> None:
        other = Browser(after, old.token)
        other.get("/")
        if other.has_token:
            tokens.append(other.token)
            other.post("/logout")

    with monkeypatch.context() as patch:
        interrupt(patch, store, at, move_and_log_out, after=True)
        held_up = Browser(after, old.token)
        held_up.get("/")
    tokens += [held_up.token, old.token] if held_up.has_token else [old.token]
    opened = [Browser(after, token).data() for token in tokens]
    assert opened == [{} for _ in tokens]
    lister = lister_of(after)
    assert lister is not None
    assert lister._records_of("alice") == {}


@pytest.mark.parametrize("at", range(1, 7))
def test_a_held_up_move_joins_the_other_one(
    before: Before, after: Flask, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    old = before.log_in()
    store = interface_of(after).store
    other = Browser(after, old.token)
    with monkeypatch.context() as patch:
        interrupt(patch, store, at, lambda: other.post("/set/other/1"), after=True)
        held_up = Browser(after, old.token)
        held_up.post("/set/own/1")
    assert held_up.get("/sid").text == other.get("/sid").text
    assert held_up.data() == {"user": "alice", "other": "1", "own": "1"}


@pytest.mark.parametrize("at", range(1, 7))
def test_an_outage_in_a_move_logs_nobody_out(
    before: Before, after: Flask, monkeypatch: pytest.MonkeyPatch, at: int, clock: SetClock
) -> None:
    def fail() -> None:
        raise StoreUnavailable("the disk is full")

    browser = Browser(after, before.log_in().token)
    with monkeypatch.context() as patch:
        interrupt(patch, interface_of(after).store, at, fail, after=False)
        assert browser.get("/").status_code in (200, 503)
    clock.forward(1)
    assert browser.data() == {"user": "alice"}
