"""Looking for the largest session of random data that is still there in the next request."""

import secrets

from flask import session

from app.lab.claim import FAILS, HOLDS, Claim, Finding, Statement, on_each
from app.lab.measuring import format_number
from app.lab.subject.application import Subject, SubjectVisitor

OF_A_COOKIE = 4096
"""Bytes that a browser keeps of one (RFC 6265bis, 5.7)."""

ENOUGH = 1_000_000
"""Bytes. Where so many are kept, nobody looks for more."""


def experiment(subject: Subject) -> Finding:
    ada = subject.log_in_visitor()
    data = secrets.token_urlsafe(ENOUGH)[:ENOUGH]
    # A header of a megabyte would be no answer at all, so what no cookie holds is tried first.
    if not _keeps(ada, data[: OF_A_COOKIE + 1]):
        return _limited(ada, data, _largest(ada, data, 0, OF_A_COOKIE + 1))
    if not _keeps(ada, data):
        return _limited(ada, data, _largest(ada, data, OF_A_COOKIE + 1, ENOUGH))
    return Finding(
        True,
        f"at least {format_number(ENOUGH)} bytes",
        f"{format_number(ENOUGH)} bytes of random text were all there in the next request.",
    )


def _limited(ada: SubjectVisitor, data: str, kept: int) -> Finding:
    is_kept = _keeps(ada, data[:kept])
    _put(ada, data[: kept + 1])
    stays = is_kept and _holds(ada, data[:kept])
    return Finding(
        kept > OF_A_COOKIE,
        f"{format_number(kept)} bytes kept at most",
        f"Of random text {format_number(kept)} bytes were there in the next request; with one byte "
        f"more the session {'stayed as it was' if stays else 'was neither that nor as before'}.",
    )


def _largest(ada: SubjectVisitor, data: str, kept: int, lost: int) -> int:
    """The most bytes that are kept: at least `kept`, and fewer than `lost`."""
    while lost - kept > 1:
        middle = (kept + lost) // 2
        if _keeps(ada, data[:middle]):
            kept = middle
        else:
            lost = middle
    return kept


def _keeps(ada: SubjectVisitor, data: str) -> bool:
    _put(ada, data)
    return _holds(ada, data)


def _put(ada: SubjectVisitor, data: str) -> None:
    ada.attempt(lambda: session.update(data=data))


def _holds(ada: SubjectVisitor, data: str) -> bool:
    return ada.run(lambda: session.get("data") == data)


CLAIM = Claim(
    sentence="A session is limited by the server, not to the 4 KB of a cookie.",
    believed="A cookie holds about 4 KB, and sessions are offered as the way around that. Whether "
    "they are depends on where the data lies.",
    meaning="Where it fails, the session has to fit into one cookie: ids and flags do, a "
    "cart or an upload does not.",
    experiment=experiment,
    expected=on_each(cookie=FAILS, filesystem=HOLDS, redis=HOLDS, stock=HOLDS),
    statements=(
        Statement(197, "Storage Capacity: … Limited only by server resources"),
        Statement(223, "Store large amounts of temporary data"),
        Statement(244, "Use sessions for large data sets"),
    ),
    try_it=(
        "Log in, and press “Add 5 KB” on the dashboard.",
        "Does the dashboard say that the session carries it, or is there an error?",
    ),
    in_chromium=True,
)
