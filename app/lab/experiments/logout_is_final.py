"""Log out, and then use the token from before the logout."""

from app.lab.abilities import irrevocable
from app.lab.claim import FAILS, Claim, Finding, Stakes, Statement, Topic
from app.lab.subject.site import Site


def experiment(site: Site) -> Finding:
    site.check_token()
    alice = site.log_in_visitor()
    kept = alice.token
    alice.log_out()
    with site.recorder.deciding():
        is_alive = site.logs_in_with(kept)
    if is_alive:
        return Finding(False, "alive", "The token from before the logout still logs in.")
    return Finding(True, "dead", "The token from before the logout logs nobody in.")


CLAIM = Claim(
    sentence="A token kept from before the logout is dead after it.",
    believed="The page says “logged out”, and the cookie is gone from the browser. So whatever was "
    "in the cookie should be worth nothing any more.",
    meaning="Where it fails, whoever copied the cookie earlier stays logged in until the session "
    "is too old. Logging out only tells your own browser to forget its copy.",
    experiment=experiment,
    unless={irrevocable: FAILS},
    statements=(Statement(125, "Logged out successfully"),),
    topic=Topic.LOGOUT,
    stakes=Stakes.ACCOUNT,
    sources=("OWASP ASVS 5.0, 7.4.1",),
    try_it=(
        "Log in, open devtools (F12), Application → Cookies, and copy the value of the session’s "
        "cookie.",
        "Log out. The cookie is gone from the list.",
        "Put it back: double-click the empty row below the list, and type the old name and value.",
        "Open the dashboard. Are you in?",
    ),
    over_http=True,
)
