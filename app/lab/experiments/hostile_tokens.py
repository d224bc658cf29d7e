"""Send tokens that no browser would send."""

from app.lab.claim import Claim, Finding, Stakes, Topic
from app.lab.measuring import some
from app.lab.subject.site import Site

MARK = b"Hostile7391"
"""Stands in each token, so that it is found in a response."""

TOKENS = (
    MARK + b"\x00" + MARK,
    MARK + b"\r\nX-Hostile: " + MARK,
    MARK + b"\rSet-Cookie: a=" + MARK,
    MARK + b"%0d%0aSet-Cookie:%20a=" + MARK,
    b'"' + MARK + rb"\015\012Set-Cookie: a=" + MARK + b'"',
    MARK * 700,
    b"../" * 20 + b"etc/" + MARK,
    b"..\\" * 20 + MARK,
    b"/etc/passwd/" + MARK,
    b"*" + MARK + b"*",
    b"?" + MARK + b"[a-z]",
    MARK + bytes(range(0x80, 0x100)),
    MARK + "ⓗostile‮".encode(),
    MARK + b"\xed\xa0\x80",
    b"<script>" + MARK + b"</script>",
    b"{{" + MARK + b"}}%s%n$(" + MARK + b")",
    b"'; DROP TABLE sessions; -- " + MARK,
    b"." + MARK + b".",
    b"e30." + MARK + b".",
    b"~" + MARK + b"~",
    b"=" + MARK + b"=",
)


def experiment(site: Site) -> Finding:
    paths = (site.paths.private, site.paths.login)
    answers = [_send_token(site, path, token) for path in paths for token in TOKENS]
    broken = sum(not _is_sound(answer) for answer in answers)
    reflected = sum(MARK in answer for answer in answers)
    site.recorder.note_decision(
        f"All {len(answers)} answers are read: {broken} are an error of the server or none at "
        f"all, {reflected} repeat a part of the token."
    )
    site.log_in_visitor()  # raises if the application no longer serves
    return Finding(
        not broken and not reflected,
        f"{some(broken, 'error')}, {reflected} reflected",
        f"{len(TOKENS)} hostile tokens were sent to {len(paths)} pages: {broken} answers were an "
        f"error of the server or none at all, and {reflected} repeated a part of the token.",
    )


def _send_token(site: Site, path: str, token: bytes) -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    cookie = b"Cookie: " + site.cookie_name.encode() + b"=" + token
    return site.send_bytes(head.encode() + cookie + b"\r\n\r\n")


def _is_sound(answer: bytes) -> bool:
    """Whether it is an HTTP response without a server error."""
    version, _, rest = answer.partition(b" ")
    return version.startswith(b"HTTP/1.") and b"200" <= rest[:3] < b"500"


CLAIM = Claim(
    sentence="No token, whatever is in it, breaks the server or comes back in an answer.",
    believed="The cookie is the server’s own, so it seems to hold what the server put there. But "
    "whoever writes their own requests puts there what they like.",
    meaning="Where it fails, a token becomes a header, a file name or a piece of a page, which is "
    "how header injection, path traversal and scripting begin. Where it holds, it is looked up "
    "or refused, and no more.",
    experiment=experiment,
    topic=Topic.THEFT,
    stakes=Stakes.SERVICE,
    sources=("OWASP Session Management Cheat Sheet, the session id is untrusted input",),
    try_it=(
        "Run `SESSION_BACKEND=filesystem make run`.",
        "Send a path as the token: `curl -i -H 'Cookie: session_filesystem=../../../etc/passwd' "
        "http://127.0.0.1:5000/dashboard`.",
        "Is the answer the way to the login, and is the path anywhere in it?",
    ),
    over_http=True,
)
