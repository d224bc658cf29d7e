"""Put a cookie from before a change back into the browser."""

from flask import session

from app.lab.abilities import in_browser
from app.lab.claim import FAILS, Claim, Finding, Stakes, Topic
from app.lab.subject.application import Subject


def experiment(subject: Subject) -> Finding:
    alice = subject.log_in_visitor()
    alice.run(lambda: session.update(voucher="unused"))
    older = alice.token
    alice.run(lambda: session.update(voucher="used"))
    alice.plant_token(older)
    with subject.recorder.deciding():
        voucher = alice.run(lambda: session.get("voucher"))
    return Finding(
        voucher == "used",
        f"voucher {voucher}",
        "A voucher in the session was used. With the cookie from before that in the browser, the "
        f"application found it {voucher}.",
    )


CLAIM = Claim(
    sentence="An older cookie does not bring older data back.",
    believed="The cookie is signed, so nobody can change what is in it. That nobody has to, "
    "because the older one is signed too, is easily overlooked.",
    meaning="Where it fails, whatever must happen only once does not belong in the session: a "
    "voucher, a free trial, the number of wrong answers. Its owner goes back to any moment by "
    "putting an old cookie in place.",
    experiment=experiment,
    unless={in_browser: FAILS},
    topic=Topic.LOGOUT,
    stakes=Stakes.DATA,
    sources=("RFC 6265bis, 8.4",),
    try_it=(
        "Log in and put a mug into the cart. Copy the value of the session’s cookie from devtools "
        "(F12), Application → Cookies.",
        "Remove the mug from the cart.",
        "Double-click the value in devtools, put the copied one in its place, and reload the cart. "
        "Is the mug back?",
    ),
)
