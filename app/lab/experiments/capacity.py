"""Find the largest session of random data that the next request still reads."""

from flask import session

from app.lab.abilities import in_browser
from app.lab.claim import FAILS, Claim, Finding, Statement
from app.lab.measuring import make_random_text
from app.lab.subject.application import Subject, SubjectVisitor
from app.web.formatting import format_number

MAX_COOKIE_BYTES = 4096
"""What a browser keeps (RFC 6265bis, 5.7)."""

MAX_TRIED_BYTES = 1_000_000
"""A larger session is not tried."""


def experiment(subject: Subject) -> Finding:
    alice = subject.log_in_visitor()
    data = make_random_text(MAX_TRIED_BYTES)
    # First just too much for a cookie: no server answers a header of a megabyte.
    too_much = MAX_COOKIE_BYTES + 1
    _store(alice, data[:too_much])
    with subject.recorder.deciding():
        is_more_than_cookie = _has(alice, data[:too_much])
    if is_more_than_cookie and _keeps(alice, data):
        size = f"{format_number(MAX_TRIED_BYTES)} bytes"
        because = f"{size} of random text were all there in the next request."
        return Finding(True, f"at least {size}", because)
    kept, lost = (too_much, MAX_TRIED_BYTES) if is_more_than_cookie else (0, too_much)
    return _describe_limit(alice, data, _find_largest(alice, data, kept, lost))


def _describe_limit(alice: SubjectVisitor, data: str, kept: int) -> Finding:
    is_kept = _keeps(alice, data[:kept])
    _store(alice, data[: kept + 1])
    stays = is_kept and _has(alice, data[:kept])
    return Finding(
        kept > MAX_COOKIE_BYTES,
        f"{format_number(kept)} bytes kept at most",
        f"Of random text {format_number(kept)} bytes were there in the next request; with one byte "
        f"more the session {'stayed as it was' if stays else 'was neither that nor as before'}.",
    )


def _find_largest(alice: SubjectVisitor, data: str, kept: int, lost: int) -> int:
    """The largest number of bytes that is kept: at least `kept`, less than `lost`."""
    while lost - kept > 1:
        middle = (kept + lost) // 2
        if _keeps(alice, data[:middle]):
            kept = middle
        else:
            lost = middle
    return kept


def _keeps(alice: SubjectVisitor, data: str) -> bool:
    _store(alice, data)
    return _has(alice, data)


def _store(alice: SubjectVisitor, data: str) -> None:
    alice.attempt(lambda: session.update(data=data))


def _has(alice: SubjectVisitor, data: str) -> bool:
    return alice.run(lambda: session.get("data") == data)


CLAIM = Claim(
    sentence="A session is limited by the server, not to the 4 KB of a cookie.",
    believed="A cookie holds about 4 KB, and sessions are offered as the way around that. Whether "
    "they are depends on where the data is stored.",
    meaning="Where it fails, the session has to fit into one cookie: ids and flags do, a "
    "cart or an upload does not.",
    experiment=experiment,
    unless={in_browser: FAILS},
    statements=(
        Statement(197, "Storage Capacity: … Limited only by server resources", place=2),
        Statement(223, "Store large amounts of temporary data"),
        Statement(244, "Use sessions for large data sets"),
    ),
    try_it=(
        "Log in, and press “Add 5 KB” on the dashboard.",
        "Does the dashboard say that the session carries it, or is there an error?",
    ),
    in_chromium=True,
)
