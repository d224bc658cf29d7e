"""Check every Set-Cookie of a visit, deletions included: this application's in production."""

from collections.abc import Iterator

from app.lab.abilities import flask_session_as_shipped
from app.lab.browser.client import Exchange
from app.lab.claim import FAILS, Claim, Finding, Statement
from app.lab.subject.application import ACCOUNT, Subject
from app.lab.subject.page import FORGERY
from app.lab.subject.site import Site, Visitor
from app.web.plain_cookies import THEME

SCRIPT_COOKIES = {THEME.base_name}
"""Cookies that a script of the page reads, so that they cannot be HttpOnly."""

PREFERENCES = {"theme": "dark", "language": "en", "currency": "EUR", "layout": "compact"}
PASSWORDS = {"current": ACCOUNT["password"], "new": "the difference engine", "end_others": "y"}


def experiment(site: Site) -> Finding:
    if is_ours := isinstance(site, Subject):
        site.restart_in_production()
    alice = site.new_visitor()
    with site.recorder.deciding():
        visit = list(_visit_pages(alice) if is_ours else _visit_login(alice))
    failed = [exchange.url for exchange in visit if exchange.status >= 400]
    if failed and is_ours:
        raise RuntimeError(f"not answered, so their cookies were not seen: {', '.join(failed)}")
    set_cookies = [header for exchange in visit for header in exchange.set_cookies]
    lacking = {header: flags for header in set_cookies if (flags := _find_missing_flags(header))}
    complete = len(set_cookies) - len(lacking)
    descriptions = [f"{_describe(header)} lacks {flags}" for header, flags in lacking.items()]
    is_held = bool(alice.token)
    held = "still holds" if is_held else "no longer holds"
    # Somebody else's application may give guests a session, and so keeps a cookie.
    return Finding(
        not lacking and not (is_held and is_ours),
        "; ".join([f"{complete} of {len(set_cookies)} Set-Cookie complete", *descriptions]),
        f"{len(set_cookies)} Set-Cookie headers were sent in a visit from the first page to after "
        f"the logout. Lacking a flag that the cookie needs: {len(lacking)}. Afterwards the browser "
        f"{held} the session’s cookie.",
    )


def _visit_pages(alice: Visitor) -> Iterator[Exchange]:
    yield alice.post("/preferences", PREFERENCES)
    yield alice.get("/articles/three-flags")
    yield alice.post("/cart/add", {"product": "jar", "quantity": "2"})
    yield alice.post("/login", {**ACCOUNT, "remember": "y"})
    yield alice.post("/dashboard/note", {"note": "A note"})
    yield alice.post("/account/password", PASSWORDS)
    yield alice.get_private_page()
    yield alice.log_out()
    yield alice.post("/articles/forget")
    yield alice.post("/preferences/reset")


def _visit_login(alice: Visitor) -> Iterator[Exchange]:
    yield alice.get(alice.site.paths.login)
    yield alice.log_in()
    yield alice.get_private_page()
    yield alice.log_out()


def _find_missing_flags(header: str) -> str:
    """The flags that a Set-Cookie needs and lacks."""
    pair, *attributes = header.split("; ")
    given = {attribute.partition("=")[0] for attribute in attributes}
    needed = ["Secure", "SameSite"]
    name = pair.partition("=")[0]
    if name not in SCRIPT_COOKIES and not FORGERY.search(name):
        needed.append("HttpOnly")
    return ", ".join(flag for flag in needed if flag not in given)


def _describe(header: str) -> str:
    name = header.partition("=")[0]
    return f"{name} (deleted)" if "Max-Age=0" in header else name


CLAIM = Claim(
    sentence="Secure, HttpOnly and SameSite are set on every cookie, on its deletion too.",
    believed="The flags are three settings, and whoever has made them thinks that all is done. "
    "A deletion is a Set-Cookie too, and a browser ignores one that breaks the rules of its name.",
    meaning="Where it fails at the logout, the browser keeps the session’s cookie and goes on "
    "sending it. Where it fails elsewhere, a script or a network on the way may read the cookie.",
    experiment=experiment,
    unless={flask_session_as_shipped: FAILS},
    statements=(Statement(239, "Set appropriate cookie flags (Secure, HttpOnly, SameSite)"),),
    try_it=(
        "Log in, and open devtools (F12) → Network.",
        "Log out, and choose the request “logout” → Headers.",
        "Does its Set-Cookie have the same flags as the one of the request “login”?",
    ),
    over_http=True,
    in_chromium=True,
)
