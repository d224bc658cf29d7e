"""An application during an outage of its store: its responses and its losses."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import NamedTuple

from app.lab.browser.client import Exchange
from app.lab.claim import Finding
from app.lab.subject.application import Subject, SubjectVisitor

MAX_RESPONSE_SECONDS = 1.0
"""A page must answer within this time that the store is unavailable."""

VISITOR_TIMEOUT_SECONDS = 3.0
"""A visitor waits this long for a response, and for the store after its return."""

PUBLIC_PATHS = ("/", "/articles", "/login", "/static/theme.js")


class TimedResponse(NamedTuple):
    """The response to one request during the outage."""

    page: str
    wanted: int
    exchange: Exchange | None
    """`None` after the visitor's timeout."""
    seconds: float

    @property
    def fault(self) -> str:
        """What is wrong with the response: its time, status, or missing Retry-After.

        Empty if it is right.
        """
        if self.exchange is None:
            return f"no answer in {self.seconds:.0f} s"
        if self.exchange.status != self.wanted:
            return str(self.exchange.status)
        if self.seconds >= MAX_RESPONSE_SECONDS:
            return f"{self.wanted} after {_format_seconds(self.seconds)}"
        if self.wanted == 503 and self.exchange.header("Retry-After") is None:
            return "503 without Retry-After"
        return ""


def live_through(
    subject: Subject, outage: Callable[[], AbstractContextManager[None]], begins: str, ends: str
) -> Finding:
    """Log in, request pages during the outage, and check who is logged in after it.

    `begins` and `ends` say in the evidence what happens to the store.
    """
    alice, stranger = subject.log_in_visitor(), subject.new_visitor("A stranger’s browser")
    with outage(), subject.recorder.deciding():
        subject.recorder.note(begins)
        responses = list(_request_pages(subject, alice, stranger))
    subject.recorder.note(ends)
    # A request without an answer is no exchange, so the evidence would not show it.
    if unanswered := [response.page for response in responses if response.exchange is None]:
        subject.recorder.note_decision(f"Never answered: {', '.join(unanswered)}.")
    if any(response.fault for response in responses):
        return _describe_faults(responses)
    slowest = _format_seconds(max(response.seconds for response in responses))
    _wait_for_store(alice)
    with subject.recorder.deciding():
        loss = _find_loss(alice, stranger)
    return loss or Finding(
        True,
        f"503 after {slowest}",
        "Without the store a private page and a login were answered 503 with Retry-After, public "
        f"pages and a static file as ever, the slowest after {slowest}. With it again everybody "
        "was as before.",
    )


def _describe_faults(responses: Sequence[TimedResponse]) -> Finding:
    wrong = [f"{response.page}: {response.fault}" for response in responses if response.fault]
    right = f"{len(responses) - len(wrong)} of {len(responses)}"
    because = (
        f"Without the store {right} answers were right: 503 with Retry-After to a private page and "
        "a login, public pages and a static file as ever, each within a second. The others: "
        f"{', '.join(wrong)}."
    )
    return Finding(False, f"{right} right; {wrong[0]}", because)


def _request_pages(
    subject: Subject, alice: SubjectVisitor, stranger: SubjectVisitor
) -> Iterator[TimedResponse]:
    log_in = partial(stranger.post, subject.paths.login, subject.paths.fields)
    requests: list[tuple[str, int, Callable[[], Exchange]]] = [
        ("private page", 503, alice.get_private_page),
        ("login", 503, log_in),
        *((path, 200, partial(alice.get, path)) for path in PUBLIC_PATHS),
    ]
    timeout = VISITOR_TIMEOUT_SECONDS
    for page, wanted, request in requests:
        alice.own_browser.timeout = stranger.own_browser.timeout = timeout
        begun = time.perf_counter()
        try:
            exchange = request()
        except TimeoutError:
            exchange = None
            timeout = MAX_RESPONSE_SECONDS  # the verdict is known: later ones need no more time
        yield TimedResponse(page, wanted, exchange, time.perf_counter() - begun)


def _wait_for_store(alice: SubjectVisitor) -> None:
    """Wait until a page gets its session again; the tries are not in the evidence."""
    deadline = time.perf_counter() + VISITOR_TIMEOUT_SECONDS
    private = alice.site.url + alice.site.paths.private
    while alice.browser.get(private).status == 503 and time.perf_counter() < deadline:
        pass


def _find_loss(alice: SubjectVisitor, stranger: SubjectVisitor) -> Finding | None:
    """What is not as before the outage; `None` if everything is."""
    if not alice.is_logged_in:
        return Finding(False, "logged out", "Somebody logged in was logged out by the outage.")
    if stranger.is_logged_in:
        return Finding(False, "let in", "A login that was refused in the outage got in after it.")
    stranger.log_in()
    if not stranger.is_logged_in:
        return Finding(False, "no login", "Nobody could log in after the outage.")
    return None


def _format_seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
