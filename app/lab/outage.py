"""An application that lives through an outage of its store: what it answers, and what is lost."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import NamedTuple

from app.lab.browser import Exchange
from app.lab.claim import Finding
from app.lab.subject import Subject, SubjectVisitor

SOON = 1.0
"""Seconds within which a page must say that the store cannot be asked."""

PATIENCE = 3.0
"""Seconds that a visitor waits for an answer, and for the store after its return."""

PUBLIC = ("/", "/articles", "/login", "/static/theme.js")


class Answer(NamedTuple):
    """What one request of the outage came to."""

    what: str
    wanted: int
    exchange: Exchange | None
    """`None` where nothing came within `PATIENCE`."""
    seconds: float

    @property
    def is_right(self) -> bool:
        """Whether it came soon, with the right status, and a 503 says when to try again."""
        if self.exchange is None or self.seconds >= SOON or self.exchange.status != self.wanted:
            return False
        return self.wanted != 503 or self.exchange.header("Retry-After") is not None

    @property
    def figure(self) -> str:
        if self.exchange is None:
            return f"no answer in {PATIENCE:.0f} s"
        return f"{self.exchange.status} after {_spoken(self.seconds)}"


def live_through(subject: Subject, outage: Callable[[], AbstractContextManager[None]]) -> Finding:
    """Log in, take the store away, ask for pages, bring it back, and see who is still in."""
    ada, stranger = subject.logged_in(), subject.visitor()
    ada.own_browser.timeout = stranger.own_browser.timeout = PATIENCE
    slowest = 0.0
    with outage():
        for answer in _answers(subject, ada, stranger):
            if not answer.is_right:
                because = f"Without the store {answer.what} came to this: {answer.figure}."
                return Finding(False, answer.figure, because)
            slowest = max(slowest, answer.seconds)
    _wait_for_the_store(ada)
    return _afterwards(ada, stranger) or Finding(
        True,
        f"503 after {_spoken(slowest)}",
        "Without the store a private page and a login were answered 503 with Retry-After, public "
        f"pages and a static file as ever, the slowest after {_spoken(slowest)}. With it again "
        "everybody was as before.",
    )


def _answers(subject: Subject, ada: SubjectVisitor, stranger: SubjectVisitor) -> Iterator[Answer]:
    log_in = partial(stranger.post, subject.paths.login, subject.paths.fields)
    yield _asked("the private page of somebody logged in", 503, ada.private_page)
    yield _asked("a login", 503, log_in)
    for path in PUBLIC:
        yield _asked(f"the public page {path}", 200, partial(ada.get, path))


def _asked(what: str, wanted: int, ask: Callable[[], Exchange]) -> Answer:
    begun = time.perf_counter()
    try:
        exchange = ask()
    except TimeoutError:
        exchange = None
    return Answer(what, wanted, exchange, time.perf_counter() - begun)


def _wait_for_the_store(ada: SubjectVisitor) -> None:
    """Until it is asked again; without an entry in the evidence for each try."""
    deadline = time.perf_counter() + PATIENCE
    private = ada.site.url + ada.site.paths.private
    while ada.browser.get(private).status == 503 and time.perf_counter() < deadline:
        pass


def _afterwards(ada: SubjectVisitor, stranger: SubjectVisitor) -> Finding | None:
    """What is not as before the outage; `None` where all is."""
    if not ada.is_logged_in:
        return Finding(False, "logged out", "Somebody logged in was logged out by the outage.")
    if stranger.is_logged_in:
        return Finding(False, "let in", "A login that was refused in the outage got in after it.")
    stranger.log_in()
    if not stranger.is_logged_in:
        return Finding(False, "no login", "Nobody could log in after the outage.")
    return None


def _spoken(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
