"""Log in again, and check the token from before that login."""

from app.lab.abilities import flask_session_as_shipped, irrevocable
from app.lab.claim import FAILS, CannotApply, Claim, Finding, Statement
from app.lab.subject.site import Site, Visitor


def experiment(site: Site) -> Finding:
    site.check_token()
    before, whose, after = _find_tokens(site)
    is_new = after != before
    with site.recorder.deciding():
        alive = site.logs_in_with(before)
    return Finding(
        is_new and not alive,
        f"{'another' if is_new else 'the same'} token, the old one {'alive' if alive else 'dead'}",
        f"The login gave {'another token' if is_new else 'no other token'}, and {whose} from "
        f"before it {'still logs in' if alive else 'logs nobody in'}.",
    )


def _find_tokens(site: Site) -> tuple[str, str, str]:
    """The token from before a login, a description of it, and the token after it.

    The first is of an earlier login or, if nobody can log in twice, of a guest with the login form.
    Raises `CannotApply` if guests have no token.
    """
    alice = site.new_visitor()
    alice.get(site.paths.login)
    of_guest = alice.token
    alice.log_in()
    of_login = alice.token
    if _logs_in_again(alice):
        return of_login, "the one", alice.token
    if of_guest:
        return of_guest, "the guest’s", of_login
    raise CannotApply(
        "Who is logged in is not logged in again, and who is not has no token: there is none from "
        "before a login."
    )


def _logs_in_again(alice: Visitor) -> bool:
    """Whether a second login gives a session; many applications redirect instead."""
    if 300 <= alice.get(alice.site.paths.login).status < 400:
        return False
    cookie = f"{alice.site.cookie_name}="
    return any(header.startswith(cookie) for header in alice.log_in().set_cookies)


CLAIM = Claim(
    sentence="A login gives a new token, and the one from before it is dead.",
    believed="“Implement proper … regeneration” is in every list of good practice. Frameworks are "
    "expected to do it when the password is given.",
    meaning="Where it fails, a token that leaked before the login is worth as much after it. "
    "A signed cookie gives a new token, but cannot take the old one back. Flask-Session keeps the "
    "token unless the application calls regenerate().",
    experiment=experiment,
    unless={irrevocable: FAILS, flask_session_as_shipped: FAILS},
    statements=(
        Statement(224, "Implement secure user authentication"),
        Statement(240, "Implement proper session timeout and regeneration"),
    ),
    try_it=(
        "Log in, open devtools (F12), Application → Cookies, and copy the value of the session’s "
        "cookie.",
        "Open /login below the same address and log in again. Compare the value: is it another?",
        "Double-click the value in devtools and put the copied one in its place.",
        "Open the dashboard. Are you in?",
    ),
    over_http=True,
)
