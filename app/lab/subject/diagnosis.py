"""Why a login on a foreign application failed, and what to change or to give instead."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from urllib.parse import urlsplit

from app.lab.browser.client import Exchange
from app.lab.browser.set_cookie import path_matches
from app.lab.subject.external_site import REPEATED, ExternalVisitor, FilledForm, find_redirect
from app.lab.subject.page import (
    FORGERY,
    Form,
    find_forms,
    find_links,
    is_page,
    list_field_names,
    name_token,
    read_html,
    read_json,
    resolve,
)
from app.lab.subject.site import Paths

WRONG_REQUEST = (404, 405, 410, 415)
"""What is answered to any request of that kind, whatever is in it."""

LOGIN_WORD = re.compile(r"(log|sign)[-_]?in|auth|session", re.IGNORECASE)
UNTRUSTED_HOST = re.compile(r"host\b.*\bnot trusted|invalid host", re.IGNORECASE)
OTHER_SERVER_NAME = re.compile(r"doesn't match configured server name '([^']*)'")
NO_TABLE = re.compile(r"no such table|doesn't exist|does not exist|undefinedtable", re.IGNORECASE)


@dataclass(frozen=True)
class Attempt:
    """A login that failed."""

    visitor: ExternalVisitor
    guest: Exchange
    """The private page, without a login."""
    filled: FilledForm
    answer: Exchange
    """To the login."""
    landing: Exchange
    """The page to which the answer led; the answer itself if it led nowhere."""
    private: Exchange
    """The private page after the login."""

    @property
    def paths(self) -> Paths:
        return self.visitor.site.paths

    @property
    def page(self) -> Exchange:
        """The page with the login form."""
        return self.filled.page

    @property
    def told(self) -> str:
        """What was sent and answered."""
        answer, private = self.answer, self.private
        said = "" if answer.status in WRONG_REQUEST else self._said
        return (
            f"POST {answer.path} was answered {answer.status}{said}, and GET "
            f"{self.paths.private} after it {private.status}"
        )

    @property
    def _said(self) -> str:
        """The text of the answer, unless it is another page than the login's."""
        if self.answer.status >= 400 or read_json(self.answer) is not None or self.is_login_again:
            return self.visitor.site.describe(self.landing, self.page)
        return ""

    @property
    def is_login_again(self) -> bool:
        """Whether it led to the page where everybody lands who is not logged in."""
        guests = urlsplit(find_redirect(self.guest) or "").path
        return self.landing.path in (self.paths.login, self.answer.path, self.page.path, guests)


def explain_failure(attempt: Attempt) -> str:
    """One line: the first reason that applies, and what to do about it."""
    return next(chain.from_iterable(find(attempt) for find in _REASONS))


def _find_server_error(attempt: Attempt) -> Iterator[str]:
    for failed in (attempt.page, attempt.answer, attempt.landing, attempt.private):
        if failed.status >= 500:
            said = attempt.visitor.site.describe(failed)
            told = f"{failed.method} {failed.path} was answered {failed.status}{said}"
            if NO_TABLE.search(said):
                yield f"{told}: create the tables of its database first."
            yield f"{told}: mend that first."


def _find_refused_host(attempt: Attempt) -> Iterator[str]:
    log = attempt.visitor.site.read_log()
    name = OTHER_SERVER_NAME.search(log)
    if name and attempt.page.status == 404:
        yield (
            f"GET {attempt.paths.login} was answered 404, because SERVER_NAME is {name[1]!r} and "
            "the trial is on 127.0.0.1: unset SERVER_NAME for it."
        )
    if attempt.page.status == 400 and UNTRUSTED_HOST.search(attempt.page.text + log):
        yield (
            f"GET {attempt.paths.login} was answered 400, because the host 127.0.0.1 is not "
            "trusted: add it to TRUSTED_HOSTS for the trial."
        )


def _find_other_origin(attempt: Attempt) -> Iterator[str]:
    """A redirect to HTTPS, or to another site."""
    for led in (attempt.page, attempt.answer, attempt.landing, attempt.private):
        target = resolve(led, led.header("location") or led.url)
        if not 300 <= led.status < 400 or find_redirect(led) is not None:
            continue
        told = f"{led.method} {led.path} leads to {target.geturl()}"
        if target.scheme == "https" and target.hostname == urlsplit(led.url).hostname:
            yield (
                f"{told}, and the trial speaks HTTP alone: do not force HTTPS for it "
                "(Flask-Talisman: force_https=False)."
            )
        if led is attempt.page:
            yield f"{told}, another site: a login that is made elsewhere cannot be tried."
        yield (
            f"{told}, another site than the trial's {attempt.visitor.site.url}: unset "
            "SERVER_NAME for it, or whatever else fixes the address; a login that is made "
            "elsewhere cannot be tried."
        )


def _find_lost_path(attempt: Attempt) -> Iterator[str]:
    if attempt.answer.status in (404, 405, 410, *REPEATED):
        how = _describe_unposted_form(attempt)
        yield f"{attempt.told}: name where the form goes by --login.{how}{_list_logins(attempt)}"


def _describe_unposted_form(attempt: Attempt) -> str:
    """Of a page with fields that no browser would post."""
    names = list_field_names(attempt.page)
    if attempt.filled.form or not names:
        return ""
    if read_html(attempt.page).find("script"):
        return f" A script sends the fields {', '.join(names)}: add --json if it sends JSON."
    return " Its form is sent by GET, which puts the password into the address: use POST."


def _list_logins(attempt: Attempt) -> str:
    """Where a login might be: where guests are sent, and where pages lead."""
    login = attempt.paths.login
    led = find_redirect(attempt.guest)
    root = attempt.visitor.follow(attempt.visitor.get("/"))
    found = [urlsplit(led).path] if led else []
    found += [form.path for form in find_forms(attempt.page)]
    found += find_links(attempt.page, LOGIN_WORD) + find_links(root, LOGIN_WORD)
    others = [path for path in dict.fromkeys(found) if path != login]
    if {attempt.page.status, attempt.guest.status, root.status} == {404}:
        return " Every page is 404: is the application for another host (SERVER_NAME)?"
    return f" Perhaps: {', '.join(others)}." if others else ""


def _find_json_or_form(attempt: Attempt) -> Iterator[str]:
    form, status = attempt.filled.form, attempt.answer.status
    if attempt.paths.is_json:
        if form and set(attempt.paths.fields) <= set(form.visible):
            yield f"{attempt.told}: the login has a form, so leave out --json."
    elif status == 415 or (not form and status >= 400 and read_json(attempt.answer) is not None):
        yield f"{attempt.told}: the login takes JSON, so add --json."


def _find_absent_form(attempt: Attempt) -> Iterator[str]:
    """The page opens, but nothing on it can be filled in."""
    answer, form = attempt.answer, attempt.filled.form
    if form or attempt.paths.is_json or attempt.page.status != 200 or not is_page(attempt.page):
        return
    if answer.status >= 400 or attempt.is_login_again:
        yield (
            f"{attempt.told}: {attempt.paths.login} has no form that is posted to this "
            "application. Name the page with it by --login, or add --json if a script logs in."
            f"{_list_logins(attempt)}"
        )


def _find_wrong_fields(attempt: Attempt) -> Iterator[str]:
    form, given = attempt.filled.form, attempt.paths.fields
    if form and form.has_captcha:
        yield f"The form at {attempt.paths.login} has a captcha: turn it off for the trial."
    if form is None or attempt.paths.is_json:
        return
    asks = ", ".join(form.visible)
    unknown = [name for name in given if name not in (*form.visible, *form.filled)]
    lacking = [name for name in form.visible if name not in (*given, *form.filled)]
    if unknown and lacking:
        yield (
            f"{attempt.told}: its form has no field {', '.join(unknown)}. Give its own by --field "
            f"NAME=VALUE; it asks for: {asks}."
        )
    if lacking:
        yield f"{attempt.told}: give its form by --field NAME=VALUE. It asks for: {asks}."


def _find_forgery_check(attempt: Attempt) -> Iterator[str]:
    if attempt.answer.status < 400 or not FORGERY.search(attempt.answer.text):
        return
    why = "its page gives no token in a field, a meta tag or a cookie"
    if attempt.filled.headers:
        why = "the token that its page gave is not the one it wants"
    yield (
        f"{attempt.told}: {why}{_list_refused(attempt)}. Turn the check off for the trial "
        "(Flask-WTF: WTF_CSRF_ENABLED = False)."
    )


def _find_refusal(attempt: Attempt) -> Iterator[str]:
    if attempt.answer.status == 429:
        yield f"{attempt.told}: turn the limit of logins off for the trial."
    if attempt.answer.status >= 400:
        yield f"{attempt.told}: {_ask_for_account(attempt)}"


def _ask_for_account(attempt: Attempt) -> str:
    """What to check when the application refuses what it was given."""
    if not attempt.paths.fields:
        return "give what logs in by --field NAME=VALUE."
    names = list_field_names(attempt.page) if attempt.paths.is_json else []
    asks = f" Its page has the fields: {', '.join(names)}." if names else ""
    return (
        "does that account exist in the database that it uses here? Give one by --field "
        f"NAME=VALUE.{asks}"
    )


def _list_refused(attempt: Attempt) -> str:
    seen = (attempt.page, attempt.answer, attempt.landing)
    refused = {each.name: each.reason for exchange in seen for each in exchange.refused}
    return "".join(
        f", because the browser refuses the cookie {name!r}: {reason}"
        for name, reason in refused.items()
    )


def _find_unsent_cookie(attempt: Attempt) -> Iterator[str]:
    if refused := _list_refused(attempt):
        yield f"{attempt.told}{refused}: change that for the trial."
    for cookie in attempt.visitor.browser.jar:
        if not path_matches(attempt.private.path, cookie.path):
            yield (
                f"{attempt.told}, because the cookie {cookie.name!r} is for {cookie.path} alone: "
                "name a page below that by --private, or change SESSION_COOKIE_PATH or "
                "APPLICATION_ROOT for the trial."
            )


def _find_no_session(attempt: Attempt) -> Iterator[str]:
    """The login gives a token for the header of each request, or the page needs no login."""
    answer, scheme = attempt.answer, attempt.private.header("www-authenticate")
    token = name_token(answer)
    if answer.status < 400 and token:
        yield (
            f"POST {answer.path} was answered {answer.status} with a token for the header of each "
            f"request ({token}), and no cookie logs in: that is no session, so nothing can be "
            "tried here."
        )
    if scheme and attempt.private.status == 401:
        yield (
            f"{attempt.told}: {attempt.paths.private} wants {scheme.split()[0]} in the header "
            "Authorization, not a session. Name a page that a session opens by --private."
        )
    if attempt.private.status in WRONG_REQUEST:
        yield f"{attempt.told}: name a page that only a login opens by --private."


def _find_more_steps(attempt: Attempt) -> Iterator[str]:
    """A page after the login that asks for more: a second factor, a password, an agreement."""
    guest = attempt.visitor.site.new_visitor()
    for page in (attempt.landing, attempt.visitor.follow(attempt.private)):
        seen = [form.visible for form in find_forms(guest.get(page.path))]
        asks = [
            ", ".join(form.visible)
            for form in find_forms(page)
            if form.visible and (form.visible not in seen or _is_own_step(attempt, page, form))
        ]
        if asks or _leads_elsewhere(attempt):
            more = f"asks for more: {asks[0]}" if asks else "no guest is sent to: it wants more"
            yield (
                f"{attempt.told}: it leads to {page.path}, which {more}. Give an account without a "
                "further step, or turn that step off for the trial."
            )


def _is_own_step(attempt: Attempt, page: Exchange, form: Form) -> bool:
    """Whether the login led to this page for its form, and not for a search or a newsletter."""
    is_led = page is attempt.landing and not attempt.is_login_again and page.path != "/"
    return is_led and form.path == page.path and bool(attempt.answer.set_cookies)


def _leads_elsewhere(attempt: Attempt) -> bool:
    """Whether the private page sends this visitor to another page than guests."""
    led, guests = find_redirect(attempt.private), find_redirect(attempt.guest)
    return led is not None and urlsplit(led).path != urlsplit(guests or "").path


def _explain_rest(attempt: Attempt) -> Iterator[str]:
    cookies = ", ".join(cookie.name for cookie in attempt.visitor.browser.jar)
    if attempt.private.status == 403 and cookies:
        yield f"{attempt.told}: name a page that this account may open by --private."
    led = find_redirect(attempt.private)
    where = f" (it leads to {led})" if led else ""
    held = f"with the cookies {cookies}" if cookies else "and the login set no cookie"
    yield f"{attempt.told}{where}, {held}: {_ask_for_step(attempt)}{_ask_for_account(attempt)}"


def _ask_for_step(attempt: Attempt) -> str:
    """A question if the answer set a cookie, and is not the login again."""
    answer = attempt.answer
    if not answer.set_cookies or (attempt.is_login_again and read_json(answer) is None):
        return ""
    where = "" if attempt.is_login_again else f" on {attempt.landing.path}"
    return (
        f"is there a further step{where}, such as a second factor, to turn off for the trial? Or "
    )


_REASONS: tuple[Callable[[Attempt], Iterator[str]], ...] = (
    _find_server_error,
    _find_refused_host,
    _find_other_origin,
    _find_forgery_check,
    _find_json_or_form,
    _find_lost_path,
    _find_wrong_fields,
    _find_absent_form,
    _find_refusal,
    _find_unsent_cookie,
    _find_no_session,
    _find_more_steps,
    _explain_rest,
)
"""In this order: what comes first explains what comes after it."""
