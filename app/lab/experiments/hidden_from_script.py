"""Read `document.cookie` on the private page."""

from app.lab.claim import Claim, Finding, Statement
from app.lab.subject.site import Site


def experiment(site: Site) -> Finding:
    alice = site.log_in_visitor()
    seen = alice.browser.document_cookie(site.url + site.paths.private)
    names = [pair.partition("=")[0] for pair in seen.split("; ") if pair]
    visible = site.cookie_name in names
    shown = ", ".join(names) or "nothing"
    site.recorder.note_decision(f"A script on the page reads document.cookie: {shown}.")
    return Finding(
        not visible,
        f"document.cookie shows {shown}",
        "A script on the page behind the login "
        f"{'reads the session’s cookie.' if visible else 'does not see the session’s cookie.'}",
    )


CLAIM = Claim(
    sentence="A script on the page cannot read the session’s cookie.",
    believed="Sessions are said to be out of the client’s reach. What keeps a script from the "
    "cookie is its flag HttpOnly, and that is a setting.",
    meaning="Where it fails, one injected script takes the token away and logs in elsewhere. Where "
    "it holds, such a script can still act as the user while the page is open.",
    experiment=experiment,
    statements=(Statement(201, "Accessibility: … Not directly accessible to client", place=2),),
    try_it=(
        "Log in, and open devtools (F12) → Console.",
        "Type `document.cookie` and press Enter.",
        "Is the session’s cookie in it?",
    ),
    over_http=True,
    in_chromium=True,
)
