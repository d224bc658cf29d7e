"""A shop on a backend that can list sessions, its visitors, and its commands."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from flask import Flask, session
from flask.testing import FlaskClient

from backends import BUILT_IN, interface_of
from backends.commands import sessions
from backends.server_side import OwnedSession
from tests.backends.places import STORES, at_any_speed, only_on, placed_on
from tests.support.bare import Views, add_views
from tests.support.clock import SetClock
from tests.support.visitor import FIREFOX as FIREFOX

on_each_store = only_on(STORES)


placed, time_limit = placed_on([(BUILT_IN["filesystem"], "real")]), at_any_speed
"""A command does not know which store lists the sessions."""


@pytest.fixture(autouse=True)
def no_log_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the handlers that Session Lab leaves in this process, in other tests."""
    for name in ("backends", "backends.audit_log"):
        monkeypatch.setattr(logging.getLogger(name), "handlers", [])


def run(app: Flask, *arguments: str) -> Result:
    """Call `flask sessions` inside this process; nobody sits at a terminal."""
    return app.test_cli_runner().invoke(sessions, arguments)


class Shop:
    """An application, its visitors and its commands."""

    def __init__(self, app: Flask, clock: SetClock | None = None) -> None:
        """`clock`: the application's own, if it is not that of the machine."""
        self.views: Views = {}
        self.app, self.clock = add_views(app, self.views), clock

    def log_in(self, owner: Any = "ada", agent: str = FIREFOX) -> FlaskClient:
        """A new browser of the owner, a minute later if the clock is set."""
        if self.clock is not None:
            self.clock.forward(60)
        client = self.app.test_client()
        self.views["log-in"] = lambda: session.update(user=owner)
        client.post("/do/log-in", headers={"User-Agent": agent})
        return client

    def run(self, *arguments: str) -> Result:
        return run(self.app, *arguments)

    def listed(self, owner: Any = "ada") -> list[OwnedSession]:
        return interface_of(self.app).sessions_of(owner)

    def handles(self, owner: Any = "ada") -> list[str]:
        """Of the owner's sessions, the newest first."""
        return [each.handle for each in self.listed(owner)]


@pytest.fixture
def shop(make_app: Callable[..., Flask], clock: SetClock) -> Shop:
    return Shop(make_app(SESSION_OWNER="user"), clock)
