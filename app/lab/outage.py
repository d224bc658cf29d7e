"""An application that lives through an outage of its store: what it answers, and what is lost."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import NamedTuple

from app.lab.browser.client import Exchange
from app.lab.claim import Finding
from app.lab.subject.application import Subject, SubjectVisitor

SOON = 1.0
"""Seconds within which a page must say that the store cannot be asked."""

PATIENCE = 3.0
"""Seconds that a visitor waits for an answer, and for the store after its return."""

PUBLIC = ("/", "/articles", "/login", "/static/theme.js")


class Answer(NamedTuple):
    """What one request of the outage came to."""

    page: str
    wanted: int
    exchange: Exchange | None
    """`None` where nothing came as long as it was waited for."""
    seconds: float

    @property
    def fault(self) -> str:
        """What is wrong with it; empty where it is right.

        It is where it came soon, with the wanted status, and a 503 says when to try again.
        """
        if self.exchange is None:
            return f"no answer in {self.seconds:.0f} s"
        if self.exchange.status != self.wanted:
            return str(self.exchange.status)
        if self.seconds >= SOON:
            return f"{self.wanted} after {_spoken(self.seconds)}"
        if self.wanted == 503 and self.exchange.header("Retry-After") is None:
            return "503 without Retry-After"
        return ""


def live_through(subject: Subject, outage: Callable[[], AbstractContextManager[None]]) -> Finding:
    """Log in, take the store away, ask for pages, bring it back, and see who is still in."""
    ada, stranger = subject.log_in_visitor(), subject.new_visitor()
    with outage():
        answers = list(_answers(subject, ada, stranger))
    if any(answer.fault for answer in answers):
        return _not_lived_through(answers)
    slowest = _spoken(max(answer.seconds for answer in answers))
    _wait_for_the_store(ada)
    return _afterwards(ada, stranger) or Finding(
        True,
        f"503 after {slowest}",
        "Without the store a private page and a login were answered 503 with Retry-After, public "
        f"pages and a static file as ever, the slowest after {slowest}. With it again everybody "
        "was as before.",
    )


def _not_lived_through(answers: Sequence[Answer]) -> Finding:
    wrong = [f"{answer.page}: {answer.fault}" for answer in answers if answer.fault]
    right = f"{len(answers) - len(wrong)} of {len(answers)}"
    because = (
        f"Without the store {right} answers were right: 503 with Retry-After to a private page and "
        "a login, public pages and a static file as ever, each within a second. The others: "
        f"{', '.join(wrong)}."
    )
    return Finding(False, f"{right} right; {wrong[0]}", because)


def _answers(subject: Subject, ada: SubjectVisitor, stranger: SubjectVisitor) -> Iterator[Answer]:
    log_in = partial(stranger.post, subject.paths.login, subject.paths.fields)
    requests: list[tuple[str, int, Callable[[], Exchange]]] = [
        ("private page", 503, ada.get_private_page),
        ("login", 503, log_in),
        *((path, 200, partial(ada.get, path)) for path in PUBLIC),
    ]
    patience = PATIENCE
    for page, wanted, ask in requests:
        ada.own_browser.timeout = stranger.own_browser.timeout = patience
        answer = _asked(page, wanted, ask)
        yield answer
        if answer.exchange is None:
            patience = SOON  # later ones are wrong as well, and are waited for no longer


def _asked(page: str, wanted: int, ask: Callable[[], Exchange]) -> Answer:
    begun = time.perf_counter()
    try:
        exchange = ask()
    except TimeoutError:
        exchange = None
    return Answer(page, wanted, exchange, time.perf_counter() - begun)


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
