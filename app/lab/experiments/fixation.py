"""An attacker plants the token of their session in a browser that then logs in."""

from flask import session

from app.lab.abilities import flask_session_as_shipped
from app.lab.claim import FAILS, CannotApply, Claim, Finding, Stakes, Statement, Topic
from app.lab.subject.application import SubjectVisitor
from app.lab.subject.site import Site, Visitor


def experiment(site: Site) -> Finding:
    mallory = _open_session(site)
    alice = site.new_visitor()
    alice.plant_token(mallory.token)
    alice.log_in()
    with site.recorder.deciding():
        is_in = mallory.is_logged_in
    if is_in:
        because = "The planted token was logged in as alice after the login."
        return Finding(False, "logged in", because)
    because = "The planted token was logged in as nobody after alice’s login."
    return Finding(True, "anonymous", because)


def _open_session(site: Site) -> Visitor:
    """A visitor who has a token and is not logged in. Raises `CannotApply` if none has."""
    guest = site.new_visitor("The attacker’s browser")
    if isinstance(guest, SubjectVisitor):
        guest.run(lambda: session.update(planted=True))
    else:
        guest.get(site.paths.login)
    if not guest.token:
        raise CannotApply("Visitors have no token before a login, so there is none to plant.")
    return guest


CLAIM = Claim(
    sentence="A token that somebody planted in a browser is never the one that is logged in.",
    believed="The login view empties the session first, as Flask’s tutorial does, and that looks "
    "like a new one. Whether the token is new as well, nobody sees.",
    meaning="Where it fails, an attacker who can set a cookie, from a sister domain or for a "
    "minute at the keyboard, knows the token before you log in, and is you afterwards. "
    "On Flask-Session the application must call regenerate() in its login.",
    experiment=experiment,
    unless={flask_session_as_shipped: FAILS},
    statements=(Statement(224, "Implement secure user authentication"),),
    topic=Topic.THEFT,
    stakes=Stakes.ACCOUNT,
    sources=("OWASP ASVS 5.0, 7.2.4", "OWASP WSTG-SESS-03", "pallets/flask #1600"),
    try_it=(
        "Log in as bob in a private window, and copy the value of the session’s cookie from "
        "devtools (F12), Application → Cookies: that is the attacker.",
        "In the ordinary window add a cookie with that name and value: double-click the empty row "
        "below the list. Then open /login below the same address and log in as alice.",
        "Reload the dashboard in the private window. Whom does it welcome?",
    ),
    over_http=True,
)
