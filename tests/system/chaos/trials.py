"""Trials of races, crashes and made-up tokens. The suite runs a few, a soak run many."""

import http.client
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from string import ascii_letters, digits
from threading import Condition
from typing import Any

from flask import Flask
from werkzeug.test import EnvironBuilder

from app.lab.measuring import call_in_parallel
from tests.support.services import PATIENCE
from tests.system.chaos.site import Answer, Site

LETTERS = f"{ascii_letters}{digits}-_"

WRITERS = 4
"""Sessions that are written all the time while something is killed."""


def keys_lost(site: Site, requests: int = 50) -> int:
    """How many keys are missing after so many parallel requests that each set their own."""
    cookie = site.log_in()
    answers = call_in_parallel(
        *(partial(site.post, f"/set/key{number}", cookie) for number in range(requests))
    )
    assert {answer.status for answer in answers} == {200}
    kept: list[str] = json.loads(site.get("/keys", cookie).text)
    return requests - sum(key.startswith("key") for key in kept)


def survives_a_logout(site: Site, chance: random.Random, loads: int = 8) -> bool:
    """Whether anything still logs in after page loads, some of which write, and a logout.

    All are sent together in an order that `chance` gives; the cookie from before counts, and each
    that one of the answers set.
    """
    cookie = site.log_in()
    calls: list[Callable[[], Answer]] = [
        partial(site.post, f"/set/key{number}", cookie)
        if chance.random() < 0.5
        else partial(site.get, "/who", cookie)
        for number in range(loads)
    ]
    calls.append(partial(site.post, "/logout", cookie))
    chance.shuffle(calls)
    answers = call_in_parallel(*calls)
    assert {answer.status for answer in answers} <= {200, 401}
    tokens = {cookie, *(answer.cookie for answer in answers if answer.cookie)}
    return any(site.get("/who", token).status == 200 for token in tokens)


class Writer:
    """Writes the pair 1, 2, 3, … into a session of its own, each until it is acknowledged."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.cookie = site.log_in()
        self.acknowledged = 0
        self.refused = Counter[str]()
        """What came in the place of an acknowledgement."""
        self.stopped = False

    def write(self, after_each: Callable[[], None]) -> None:
        while not self.stopped:
            if self._write_one():
                after_each()

    def is_whole(self) -> bool:
        """Whether the session is as the last write that was answered left it, or as the next."""
        answer = self.site.get("/pair", self.cookie)
        while answer.status == 503:  # says nothing about the session
            answer = self.site.get("/pair", self.cookie)
        possible = (self.acknowledged, self.acknowledged + 1)
        return answer.status == 200 and json.loads(answer.text) in [[n, n] for n in possible]

    def _write_one(self) -> bool:
        try:
            answer = self.site.post(f"/pair/{self.acknowledged + 1}", self.cookie)
        except (OSError, http.client.HTTPException) as error:
            self.refused[type(error).__name__] += 1
            return False
        assert answer.status in (200, 503)
        if answer.status == 503:
            self.refused["503"] += 1
            return False
        self.acknowledged += 1
        return True


def damaged_by(kill: Callable[[], None], site: Site, writes: int) -> int:
    """How many of the sessions are neither old nor new after `kill` struck between the writes.

    `writes`: how many are answered before. What was killed answers again when `kill` returns.
    """
    writers = [Writer(site) for _ in range(WRITERS)]
    for writer in writers:
        assert writer.site.post("/pair/0", writer.cookie).status == 200
    counted = Condition()
    total = 0

    def count() -> None:
        nonlocal total
        with counted:
            total += 1
            counted.notify()

    with ThreadPoolExecutor(WRITERS) as pool:
        running: list[Future[None]] = [pool.submit(writer.write, count) for writer in writers]
        with counted:
            reached = counted.wait_for(lambda: total >= writes, timeout=PATIENCE)
        # No other write follows the one that is struck: it would cover what the kill left.
        for writer in writers:
            writer.stopped = True
        kill()
        for future in running:
            future.result()
    refused = [writer.refused for writer in writers]
    assert reached, f"only {total} of {writes} writes, {refused}: {site.errors}"
    return sum(not writer.is_whole() for writer in writers)


def made_up_tokens(chance: random.Random, real: str) -> Iterator[str]:
    """Without end: wholly invented ones, and `real` with one letter changed, or without its end."""
    while True:
        yield f"{letters(chance, 43)}.{letters(chance, 43)}"
        place = chance.randrange(len(real))
        others = LETTERS.replace(real[place], "")
        # The last letter of base64 has bits that say nothing: another letter may be the same.
        if place != len(real) - 1:
            yield f"{real[:place]}{chance.choice(others)}{real[place + 1 :]}"
        yield real[: chance.randrange(1, len(real))]


def flood(app: Flask, path: str, tokens: Iterable[str]) -> set[str]:
    """Request `path` with each token in its cookie; the status lines that came back."""
    statuses: set[str] = set()
    environ = EnvironBuilder(path=path).get_environ()
    name = app.config["SESSION_COOKIE_NAME"]

    def note(status: str, _headers: Any, _error: Any = None) -> Any:
        statuses.add(status)

    for token in tokens:
        answer: Any = app({**environ, "HTTP_COOKIE": f"{name}={token}"}, note)
        b"".join(answer)
        answer.close()
    return statuses


def letters(chance: random.Random, length: int) -> str:
    return "".join(chance.choices(LETTERS, k=length))
