"""Measure Cookie and Set-Cookie while the session grows from 0.2 to 20 KB."""

from collections.abc import Sequence

from flask import session

from app.lab.abilities import in_browser
from app.lab.claim import FAILS, Claim, Finding, Statement
from app.lab.measuring import make_random_text
from app.lab.subject.application import Subject, SubjectVisitor
from app.web.formatting import format_number

SIZES_BYTES = (200, 1_000, 3_000, 20_000)
"""The length of random text in the session."""


def experiment(subject: Subject) -> Finding:
    alice = subject.log_in_visitor()
    with subject.recorder.deciding():
        sent = [_measure_headers(alice, size) for size in SIZES_BYTES]
    stored = [both for both in sent if None not in both]
    cookies, set_cookies = zip(*sent, strict=True)
    return Finding(
        len(stored) > 1 and len(set(stored)) == 1,
        f"Cookie {_format_sizes(cookies)}; Set-Cookie {_format_sizes(set_cookies)} bytes",
        "0.2, 1, 3 and 20 KB were put into the session in turn. The figure says how large Cookie "
        "was in the request after each, and Set-Cookie in the answer that stored it.",
    )


def _measure_headers(alice: SubjectVisitor, size: int) -> tuple[int | None, int | None]:
    """The length of Cookie and of Set-Cookie; both `None` if the session was refused."""
    data = make_random_text(size)
    written = alice.attempt(lambda: session.update(data=data))
    if written.status != 200:
        return None, None
    return alice.get_private_page().cookie_bytes, written.set_cookie_bytes


def _format_sizes(sizes: Sequence[int | None]) -> str:
    """All sizes; only one if they are equal."""
    texts = ["refused" if size is None else format_number(size) for size in sizes]
    return texts[0] if len(set(texts)) == 1 else ", ".join(texts)


CLAIM = Claim(
    sentence="Only an id is sent with each request, however large the session is.",
    believed="It is the reason given for sessions being faster than cookies. It is true where the "
    "data is on the server.",
    meaning="Where it fails, all of the session travels up with every request, pictures and "
    "scripts included, and down again with every change.",
    experiment=experiment,
    price="sent",
    unless={in_browser: FAILS},
    statements=(
        Statement(190, "uses a session identifier (often stored in a cookie)", place=3),
        Statement(200, "Performance: … Only session ID sent with requests", place=2),
    ),
    try_it=(
        "Log in, and look at “What was sent” on the dashboard.",
        "Write a few long notes.",
        "Do the bytes in the column “Cookie” grow?",
    ),
    in_chromium=True,
)
