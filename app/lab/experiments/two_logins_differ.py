"""Log in on several browsers as one user within one second."""

from app.lab.abilities import flask_as_shipped
from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.measuring import some
from app.lab.subject.site import Site

LOGINS = 5


def experiment(site: Site) -> Finding:
    with site.recorder.deciding():
        different = len({site.log_in_visitor().token for _ in range(LOGINS)})
    return Finding(
        different == LOGINS,
        f"{some(different, 'token')} of {LOGINS} logins",
        f"{LOGINS} logins of one person, one after the other, gave "
        f"{some(different, 'different token')}.",
    )


CLAIM = Claim(
    sentence="Two logins give two tokens, even of one person in one second.",
    believed="A token stands for one login on one device, so each must be another. An id is drawn "
    "at random, and nobody expects a signature to be less.",
    meaning="Where it fails, two devices hold the same token, so nothing that is done to one "
    "session could ever be done to it alone. Flask’s own cookie is its content, a time in whole "
    "seconds and a signature: the same login in the same second gives the same bytes.",
    experiment=experiment,
    unless={flask_as_shipped: FAILS},
    topic=Topic.THEFT,
    stakes=Stakes.ACCOUNT,
    sources=("OWASP ASVS 5.0, 7.2.3",),
    try_it=(
        "Open devtools (F12) → Console on the login page, and log in five times, each time like a "
        "browser without cookies: `for (let i = 0; i < 5; i++) await fetch('login', {method: "
        "'POST', credentials: 'omit', body: new URLSearchParams({username: 'alice', password: "
        "'wonderland'})})`.",
        "In Network look at the Set-Cookie of each of the five answers, and compare them.",
    ),
    over_http=True,
)
