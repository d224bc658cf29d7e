"""Logging in where somebody is logged in already, and what becomes of the token from before."""

from app.lab.browser.client import Exchange
from app.lab.claim import FAILS, HOLDS, CannotApply, Claim, Finding, Statement, on_each
from app.lab.subject.site import Site, Visitor


def experiment(site: Site) -> Finding:
    site.check_token()
    before, whose, after = _around_a_login(site)
    is_new = after != before
    alive = site.logs_in_with(before)
    figure = f"{'another' if is_new else 'the same'} token, the old one {_alive_or_dead(alive)}"
    because = (
        f"The login gave {'another token' if is_new else 'no other token'}, and {whose} from "
        f"before it {'still logs in' if alive else 'logs nobody in'}."
    )
    return Finding(is_new and not alive, figure, because)


def _around_a_login(site: Site) -> tuple[str, str, str]:
    """A token from before a login, in words whose it is, and the one from after the login.

    The first is of an earlier login; where nobody can log in twice, of the guest who was shown the
    form. Raises `CannotApply` where a guest has none either.
    """
    ada = site.new_visitor()
    ada.get(site.paths.login)
    of_guest = ada.token
    ada.log_in()
    of_login = ada.token
    if _logs_in_again(ada):
        return of_login, "the one", ada.token
    if of_guest:
        return of_guest, "the guest’s", of_login
    raise CannotApply(
        "Who is logged in is not logged in again, and who is not has no token: there is none from "
        "before a login."
    )


def _logs_in_again(ada: Visitor) -> bool:
    """Whether she does; many an application sends whoever is logged in away from its login."""
    if 300 <= ada.get(ada.site.paths.login).status < 400:
        return False
    return _sets(ada.log_in(), ada.site.cookie_name)


def _sets(exchange: Exchange, cookie_name: str) -> bool:
    return any(
        name.lower() == "set-cookie" and value.startswith(f"{cookie_name}=")
        for name, value in exchange.headers
    )


def _alive_or_dead(alive: bool) -> str:
    return "alive" if alive else "dead"


CLAIM = Claim(
    sentence="A login gives a new token, and the one from before it is dead.",
    believed="“Implement proper … regeneration” is in every list of good practice. Frameworks are "
    "expected to do it when the password is given.",
    meaning="Where it fails, a token that leaked before the login is worth as much after it. "
    "A signed cookie gives a new token, but cannot take the old one back. Flask-Session keeps the "
    "token unless the application calls regenerate().",
    experiment=experiment,
    expected=on_each(cookie=FAILS, filesystem=HOLDS, redis=HOLDS, stock=FAILS),
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
