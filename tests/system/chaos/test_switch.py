"""A running application is switched under load: nobody is logged out, no write is lost."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from http.client import HTTPException
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import pytest

from app.lab.measuring import call_in_parallel
from tests.support.services import DURABLE, RedisServer
from tests.system.chaos.site import Answer, Site

VISITORS = 16
FIRST_REQUESTS = 4
"""What a visitor's page sends at once after the switch, each with the old cookie."""


class Stock(NamedTuple):
    """What the application ran on, and the settings of its move."""

    name: str
    settings: dict[str, str]


STOCK = (
    Stock("flask-cookie", {"SESSION_MIGRATE_FROM": "flask"}),
    Stock(
        "flask-session-redis", {"SESSION_MIGRATE_FROM": "flask-session", "SESSION_TYPE": "redis"}
    ),
    Stock(
        "flask-session-filesystem",
        {"SESSION_MIGRATE_FROM": "flask-session-pickle", "SESSION_TYPE": "filesystem"},
    ),
)


class Person:
    """Somebody who is logged in, and writes without a pause until the server is stopped."""

    def __init__(self, site: Site, number: int) -> None:
        self.site = site
        self.number = number
        self.old_cookie = site.log_in()
        self.acknowledged: list[str] = []
        self._write(f"visitor{number}")  # Flask's cookies of one second are equal otherwise

    def write_until(self, stopping: Event) -> None:
        while not stopping.is_set():
            try:
                self._write(f"before{len(self.acknowledged)}")
            except (OSError, HTTPException):
                return  # the server stopped: nothing was acknowledged

    def come_back(self) -> str:
        """Several requests at once with the old cookie. Returns the new one."""
        keys = [f"after{number}" for number in range(FIRST_REQUESTS)]
        answers = call_in_parallel(
            *(partial(self.site.post, f"/set/{key}", self.old_cookie) for key in keys)
        )
        assert [answer.status for answer in answers] == [200] * FIRST_REQUESTS
        self.acknowledged += keys
        return str(answers[-1].cookie)

    def _write(self, key: str) -> None:
        answer: Answer = self.site.post(f"/set/{key}", self.old_cookie)
        assert answer.status == 200
        self.old_cookie = answer.cookie or self.old_cookie
        self.acknowledged.append(key)


@pytest.fixture
def places(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A Redis of its own and a folder, which the old and the new backend share."""
    with RedisServer(tmp_path, *DURABLE) as server:
        yield {"REDIS_URL": server.url, "SESSION_FILE_DIR": str(tmp_path / "sessions")}


@pytest.mark.parametrize(
    ("stock", "to"),
    list(zip(STOCK, ("filesystem", "redis", "filesystem"), strict=True)),
    ids=lambda each: each if isinstance(each, str) else each.name,
)
def test_a_switch_under_load_loses_nothing(
    stock: Stock, to: str, places: dict[str, Any], tmp_path: Path
) -> None:
    with Site(tmp_path, SESSION_BACKEND=stock.name, **places) as old, ExitStack() as stack:
        people = [Person(old, number) for number in range(VISITORS)]
        stopping = Event()
        pool = stack.enter_context(ThreadPoolExecutor(VISITORS))
        writing = [pool.submit(person.write_until, stopping) for person in people]
        before_the_stop = max(len(person.acknowledged) for person in people) + 2
        while min(len(person.acknowledged) for person in people) < before_the_stop:
            assert not any(future.done() for future in writing)
            stopping.wait(0.01)
        old.stop()
        stopping.set()
        for future in writing:
            future.result()
    move: dict[str, Any] = {
        **stock.settings,
        "SESSION_MIGRATE_UNTIL": "2100-01-01",
        "STEP_SECONDS": 60.0,
    }
    with Site(tmp_path, SESSION_BACKEND=to, SESSION_OWNER="user", **places, **move) as new:
        for person in people:
            person.site = new
        new_cookies = call_in_parallel(*(person.come_back for person in people))
        for person, cookie in zip(people, new_cookies, strict=True):
            kept = set(json.loads(new.get("/keys", cookie).text))
            assert set(person.acknowledged) - kept == set()
            assert new.get("/who", cookie).status == 200
        leaving, staying = people[::2], people[1::2]
        for person, cookie in zip(leaving, new_cookies[::2], strict=True):
            new.post("/logout", cookie)
            assert new.get("/who", cookie).status == 401
            assert new.get("/who", person.old_cookie).status == 401
        assert {new.get("/who", cookie).status for cookie in new_cookies[1::2]} == {200}
    writes = sum(len(person.acknowledged) for person in people)
    print(f"{stock.name} to {to}: {len(staying)} stayed, {len(leaving)} left, {writes} writes kept")
