"""Whether the pages of a foreign application behave as the experiments assume."""

import re

from app.lab.subject.diagnosis import WRONG_REQUEST, Attempt, explain_failure
from app.lab.subject.external_site import ExternalSite, ExternalVisitor
from app.lab.subject.page import find_links
from backends import ConfigurationError

LOGOUT_WORD = re.compile(r"(log|sign)[-_]?out", re.IGNORECASE)


def check_site(site: ExternalSite) -> None:
    """Log in and out once.

    Raises `ConfigurationError` with one line that says what happened and which option to give.
    """
    _check_private_page(site)
    visitor = _check_login(site)
    _check_cookie(visitor)
    _check_token(site)
    _check_logout(visitor)


def _check_private_page(site: ExternalSite) -> None:
    page = site.new_visitor().get_private_page()
    told = f"GET {site.paths.private} was answered {page.status}"
    if page.status >= 500:
        raise ConfigurationError(f"{told}{site.describe(page)}.")
    if page.status == 200:
        raise ConfigurationError(
            f"{told} to somebody who is not logged in: name a page that only a login opens by "
            "--private, one that redirects others or answers 401 or 403 (and if the application "
            "lets everybody in, as LOGIN_DISABLED does, set that off)."
        )


def _check_login(site: ExternalSite) -> ExternalVisitor:
    """A visitor who could log in."""
    guest, visitor, paths = site.new_visitor(), site.new_visitor(), site.paths
    filled = visitor.open_form(paths.login, paths.fields, page=paths.login)
    answer = visitor.send(filled, paths.login, paths.fields)
    landing = visitor.follow(answer)
    private = visitor.get_private_page()
    if answer.status < 400 and private.status == 200:
        return visitor
    attempt = Attempt(visitor, guest.get_private_page(), filled, answer, landing, private)
    raise ConfigurationError(explain_failure(attempt))


def _check_cookie(visitor: ExternalVisitor) -> None:
    if visitor.token:
        return
    alone = [
        cookie.name
        for cookie in visitor.browser.jar
        if _opens_private_page(visitor.site, cookie.name, cookie.value)
    ]
    hint = f"; {alone[0]} alone logs in" if alone else ""
    raise ConfigurationError(
        f"After the login the browser holds no cookie {visitor.site.cookie_name!r} (but: "
        f"{_list_cookies(visitor)}{hint}): name the session's by --cookie."
    )


def _opens_private_page(site: ExternalSite, name: str, value: str) -> bool:
    browser = site.new_visitor().own_browser
    cookie = {"Cookie": f"{name}={value}"}
    return browser.get(site.url + site.paths.private, headers=cookie).status == 200


def _check_token(site: ExternalSite) -> None:
    visitor = site.new_visitor()
    visitor.log_in()
    alone = site.request_with_token(visitor.token)
    if alone.status != 200:
        raise ConfigurationError(
            f"A login needs more than the cookie {site.cookie_name!r}: GET {site.paths.private} "
            f"with it alone was answered {alone.status}. Name the session's by --cookie (there "
            f"are: {_list_cookies(visitor)}); an application that needs several cannot be tried."
        )


def _list_cookies(visitor: ExternalVisitor) -> str:
    return ", ".join(cookie.name for cookie in visitor.browser.jar) or "none"


def _check_logout(visitor: ExternalVisitor) -> None:
    paths = visitor.site.paths
    page = visitor.get_private_page()
    response = visitor.log_out()
    if not visitor.is_logged_in:
        return
    allowed = response.header("allow")
    is_said = response.status >= 400 and response.status not in WRONG_REQUEST
    said = visitor.site.describe(response) if is_said else ""
    takes = f" (it takes {allowed})" if allowed else ""
    others = [path for path in find_links(page, LOGOUT_WORD) if path != paths.logout]
    hint = f" {paths.private} leads to: {', '.join(others)}." if others else ""
    raise ConfigurationError(
        f"{response.method} {paths.logout} was answered {response.status}{takes}{said}, and the "
        f"login lives on: name where the logout goes by --logout.{hint}"
    )
