"""A move is one, whoever is held up or killed between its steps."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from flask import Flask

from backends import Store, StoreUnavailable, interface_of, lister_of
from tests.backends.migration.conftest import INTO_STORES, Before, Browser, by
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


pytestmark = by(*INTO_STORES)


def logins(before: Before, steps: int = 6) -> Iterator[tuple[int, str, Browser]]:
    """For each step of a move a user who is about to move."""
    for at in range(1, steps + 1):
        user = f"user{at}"  # Flask's cookies of one second are equal otherwise
        yield at, user, before.log_in(user)


@pytest.mark.parametrize("after_it", [False, True], ids=["before", "after"])
def test_a_killed_move_logs_nobody_out(
    before: Before, after: Flask, monkeypatch: pytest.MonkeyPatch, after_it: bool
) -> None:
    store = interface_of(after).store
    for at, user, old in logins(before, 8):
        with case(at):
            with monkeypatch.context() as patch:
                interrupt(patch, store, at, kill, after=after_it)
                with suppress(Killed):
                    Browser(after, old.token).get("/")
            assert Browser(after, old.token).data() == {"user": user}


def test_a_held_up_move_brings_back_nothing(
    before: Before, after: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held up at each step, while another request moves the session and its user logs out."""
    lister = lister_of(after)
    assert lister is not None

    def move_and_log_out(token: str, tokens: list[str]) -> None:
        other = Browser(after, token)
        other.get("/")
        if other.has_token:
            tokens.append(other.token)
            other.post("/logout")

    for at, user, old in logins(before):
        with case(at):
            tokens = [old.token]
            with monkeypatch.context() as patch:
                act = partial(move_and_log_out, old.token, tokens)
                interrupt(patch, lister.store, at, act, after=True)
                held_up = Browser(after, old.token)
                held_up.get("/")
            tokens += [held_up.token] if held_up.has_token else []
            assert [Browser(after, token).data() for token in tokens] == [{} for _ in tokens]
            assert lister._records_of(user) == {}


def test_a_held_up_move_joins_the_other_one(
    before: Before, after: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at, user, old in logins(before):
        with case(at):
            other, held_up = Browser(after, old.token), Browser(after, old.token)
            with monkeypatch.context() as patch:
                act = partial(other.post, "/set/other/1")
                interrupt(patch, interface_of(after).store, at, act, after=True)
                held_up.post("/set/own/1")
            assert held_up.get("/sid").text == other.get("/sid").text
            assert held_up.data() == {"user": user, "other": "1", "own": "1"}


def test_an_outage_in_a_move_logs_nobody_out(
    before: Before, after: Flask, monkeypatch: pytest.MonkeyPatch, clock: SetClock
) -> None:
    def fail() -> None:
        raise StoreUnavailable("the disk is full")

    for at, user, old in logins(before):
        with case(at):
            browser = Browser(after, old.token)
            with monkeypatch.context() as patch:
                interrupt(patch, interface_of(after).store, at, fail, after=False)
                assert browser.get("/").status_code in (200, 503)
            clock.forward(1)
            assert browser.data() == {"user": user}
