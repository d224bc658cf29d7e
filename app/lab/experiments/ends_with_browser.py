"""Log in, close the browser, and open it again."""

import time

from app.lab.abilities import flask_session_as_shipped
from app.lab.claim import FAILS, Claim, Finding, Statement
from app.lab.measuring import in_or_out
from app.lab.subject.site import Site, Visitor
from app.web.formatting import format_duration


def experiment(site: Site) -> Finding:
    alice = site.log_in_visitor()
    seconds = _find_lifetime(alice)
    alice.reopen_browser()
    with site.recorder.deciding():
        still_in = alice.is_logged_in
    lifetime = "no Expires" if seconds is None else f"Expires in {format_duration(round(seconds))}"
    return Finding(
        not still_in,
        f"{lifetime}; {in_or_out(still_in)} after a restart",
        f"The session’s cookie has {lifetime}, and whoever opens the closed browser again is "
        f"{'still' if still_in else 'no longer'} logged in.",
    )


def _find_lifetime(alice: Visitor) -> float | None:
    """The lifetime of the session’s cookie; `None` until the browser closes."""
    expires = {cookie.name: cookie.expires for cookie in alice.browser.jar}[alice.site.cookie_name]
    return None if expires is None else expires - time.time()


CLAIM = Claim(
    sentence="The session ends when the browser closes.",
    believed="A cookie without Expires and Max-Age is called a session cookie, and browsers forget "
    "it when they close. Flask’s own session is one; Flask-Session makes its cookie a lasting one "
    "unless SESSION_PERMANENT is off.",
    meaning="Where it fails, the next person at a shared computer opens the browser and is logged "
    "in. The cookie of Flask-Session outlives the browser by PERMANENT_SESSION_LIFETIME: 31 days "
    "unless it is set; this application sets it to its idle limit. Where it holds, browsers that "
    "reopen their tabs may still keep it, so the server’s own limits count.",
    experiment=experiment,
    unless={flask_session_as_shipped: FAILS},
    statements=(Statement(199, "Lifespan: … Usually expires when browser closes", place=2),),
    try_it=(
        "Log in, and look at devtools (F12), Application → Cookies, column “Expires / Max-Age”.",
        "Close the browser whole, all its windows, and open the dashboard again.",
        "Are you logged in? If so, does your browser reopen the tabs of last time?",
    ),
    over_http=True,
    in_chromium=True,
)
