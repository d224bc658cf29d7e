"""Browsers that send requests while their sessions change servers."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any, NamedTuple

from flask import Flask
from werkzeug.test import TestResponse

from backends import interface_of
from backends.redis import RedisStore
from backends.redis_access.circuit_breaker import RETRY_AFTER_SECONDS
from backends.store import key_of
from tests.support.bare import Tab, add_views, make_bare
from tests.support.redis_topologies import Topology
from tests.support.services import until

LONGEST = 30.0
"""Seconds of 503 that no failover takes here, on however busy a machine."""


def site(**config: Any) -> Flask:
    """A bare application with sessions in Redis and nothing else."""
    return add_views(make_bare("redis", **config))


def store_of(app: Flask) -> RedisStore:
    store = interface_of(app).store
    assert isinstance(store, RedisStore)
    return store


class Answer(NamedTuple):
    """One answer, in seconds of `time.monotonic`."""

    method: str
    status: int
    begun: float
    ended: float

    @property
    def seconds(self) -> float:
        return self.ended - self.begun


class Browser(Tab):
    """A browser that notices at once when a session is not what it must be."""

    def __init__(self, app: Flask, token: str | None = None) -> None:
        super().__init__(app, token)
        self.user: str | None = None
        self.possible: set[str | None] = {None}
        """What the last write left: unsure after a 503, which says that it may have been made."""

    def visit(self, app: Flask) -> None:
        """Go on at another server of the same site."""
        super().__init__(app, self.token)

    @property
    def record(self) -> str:
        """The key of the session's record."""
        return f"session:{key_of(self.token.rpartition('.')[0])}"

    def log_in(self, name: str = "alice", *_: Any, **__: Any) -> TestResponse:
        self.user = name
        return super().log_in(name)

    def log_out(self) -> None:
        assert self.post("/logout").status_code == 200
        self.user, self.possible = None, {None}

    def read(self) -> Answer:
        answer, response = self._ask("GET", "/")
        if answer.status == 200:
            seen = response.get_json()
            assert seen.get("user") == self.user
            assert seen.get("count") in self.possible
        return answer

    def write(self, value: str) -> Answer:
        answer, _ = self._ask("POST", f"/set/count/{value}")
        self.possible = {value} if answer.status == 200 else self.possible | {value}
        return answer

    def _ask(self, method: str, path: str) -> tuple[Answer, Any]:
        begun = time.monotonic()
        response = self.client.open(path, method=method)
        return Answer(method, response.status_code, begun, time.monotonic()), response


class Crowd:
    """Logged-in browsers, and one that still holds the token of a session that was ended."""

    def __init__(self, app: Flask, size: int = 12) -> None:
        self.members = [Browser(app) for _ in range(size)]
        for number, member in enumerate(self.members):
            member.logged_in(f"user{number}")
            assert member.write("before").status == 200
        mallory = Browser(app)
        mallory.logged_in("mallory")
        self.left = Browser(app, mallory.token)
        mallory.log_out()

    def visit(self, app: Flask) -> None:
        """Go on at another server of the same site."""
        for browser in (*self.members, self.left):
            browser.visit(app)

    @contextmanager
    def asking(self, over: Callable[[], bool]) -> Iterator[list[Answer]]:
        """Ask from four threads, from now until it is `over` and a round got no 503.

        The answers of a round are in the list as soon as it is over.
        """
        answers: list[Answer] = []
        ended = Event()
        with ThreadPoolExecutor(4) as pool:
            runs = [pool.submit(self._rounds, part, ended, answers) for part in range(4)]
            try:
                yield answers
                until(over)
            finally:
                ended.set()
        for run in runs:
            run.result()

    def _rounds(self, part: int, ended: Event, answers: list[Answer]) -> None:
        deadline = time.monotonic() + 2 * LONGEST
        while time.monotonic() < deadline:
            last = ended.is_set()
            told = list(self._round(part, str(len(answers))))
            answers += told
            if last and all(answer.status == 200 for answer in told):
                return
            time.sleep(0.1)  # the servers need the processor too, also once it is over
        raise TimeoutError("the sessions did not come back")

    def _round(self, part: int, value: str) -> Iterator[Answer]:
        yield self.left.read()
        for member in self.members[part::4]:
            yield member.read()
            yield member.write(value)


def silence(topology: Topology, answers: list[Answer]) -> None:
    """Freeze all of it, for as long as it takes the application to ask again a few times.

    The refusals are there before it thaws: an answer does not wait for that.
    """
    begun = time.monotonic()
    topology.freeze()
    try:
        until(lambda: time.monotonic() > begun + 3 * RETRY_AFTER_SECONDS and window(answers) > 0)
    finally:
        topology.thaw()


def window(answers: list[Answer]) -> float:
    """Seconds from the first 503 to the end of the last one."""
    refused = [answer for answer in list(answers) if answer.status == 503]
    if not refused:
        return 0.0
    return max(answer.ended for answer in refused) - min(answer.begun for answer in refused)


def check(answers: list[Answer], what: str) -> None:
    """Nothing but 200 and 503 was answered, and the outage ended; print how long it was."""
    lasted = window(answers)
    print(f"{what}: 503 for {lasted:.1f} s")
    assert {answer.status for answer in answers} <= {200, 503}
    assert lasted < LONGEST
