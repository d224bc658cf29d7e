"""Check the document's `set_cookie` a second before it expires, and after."""

from flask import Response, after_this_request, request

from app.lab.claim import Claim, Finding, Statement
from app.lab.subject.application import Subject, SubjectVisitor
from app.web.formatting import format_number

HOUR = 3600  # seconds


def experiment(subject: Subject) -> Finding:
    alice = subject.new_visitor()
    alice.run(_set_cookie)
    subject.advance_time(HOUR - 1)
    before = _is_sent(alice)
    subject.advance_time(1)
    after = _is_sent(alice)
    first, then = ("sent" if is_sent else "did not send" for is_sent in (before, after))
    return Finding(
        before and not after,
        f"{'sent' if before else 'gone'} after {format_number(HOUR - 1)} s, "
        f"{'sent' if after else 'gone'} after {format_number(HOUR)} s",
        f"The cookie was set with max_age={HOUR}. The browser {first} it a second before the "
        f"hour was over, and {then} it then.",
    )


def _set_cookie() -> None:
    @after_this_request
    def answer(response: Response) -> Response:
        response.set_cookie("username", "john_doe", max_age=HOUR)
        return response


def _is_sent(alice: SubjectVisitor) -> bool:
    with alice.site.recorder.deciding():
        return alice.run(lambda: request.cookies.get("username")) == "john_doe"


CLAIM = Claim(
    sentence="A cookie that is set with max_age=3600 is gone after an hour.",
    believed="The lifetime is given in seconds, so the browser has to keep it to the second. The "
    "server need not remember anything.",
    meaning="Where it holds, an honest browser forgets by itself. Somebody who copied the value "
    "does not, so what must end has to end on the server.",
    experiment=experiment,
    statements=(Statement(149, "response.set_cookie('username', 'john_doe', max_age=3600)"),),
    try_it=(
        "Log in and out, which sets a cookie kept_session_… for an hour, and open devtools (F12), "
        "Application → Cookies.",
        "Look at the column “Expires / Max-Age” of that cookie.",
        "Come back when that time is over. Is it still in the list?",
    ),
)
