"""A foreign application at its address, and visitors who use its pages as a browser would."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from app.lab.browser.client import Browser, Exchange, MakeBrowser
from app.lab.subject.page import (
    FORGERY_HEADERS,
    Form,
    find_exception,
    find_forgery_token,
    find_form,
    quote_text,
    resolve,
)
from app.lab.subject.site import Paths, Site, Visitor

MAX_REDIRECTS = 5

TRACEBACK_TIMEOUT_SECONDS = 1.0

REPEATED = (307, 308)
"""The redirects after which a form is posted again instead of a page opened."""


class ExternalSite(Site):
    """An application whose forms may have more fields than those that were named."""

    def __init__(
        self,
        url: str,
        cookie_name: str,
        paths: Paths,
        make_browser: MakeBrowser,
        launch: Callable[[], None],
        log: Path,
    ) -> None:
        super().__init__(url, cookie_name, paths, make_browser)
        self._launch = launch
        self._log = log

    def restart(self) -> None:
        """End the application's process, and start another at the same address."""
        self._launch()
        self.recorder.note("The application is restarted.")

    def new_visitor(self, name: str = "") -> "ExternalVisitor":
        return ExternalVisitor(self, self.make_browser(), name)

    def describe(self, answer: Exchange, known: Exchange | None = None) -> str:
        """What an answer says: its exception in the log, or text that the `known` page has not."""
        raised = self._wait_for_exception() if answer.status >= 500 else ""
        return f" (its own error is {raised})" if raised else quote_text(answer, known)

    def read_log(self) -> str:
        """What the application wrote so far."""
        return self._log.read_text(errors="replace")

    def _wait_for_exception(self) -> str:
        """The exception behind an answer, which is logged after it; empty without one."""
        deadline = time.monotonic() + TRACEBACK_TIMEOUT_SECONDS
        while not (raised := find_exception(self.read_log())) and time.monotonic() < deadline:
            time.sleep(0.02)
        return raised


class FilledForm(NamedTuple):
    """A form as a visitor found it, and what its scripts would send besides its fields."""

    page: Exchange
    form: Form | None
    headers: Mapping[str, str]
    """The page's token against forged requests."""


class ExternalVisitor(Visitor):
    """A visitor who opens the page with a form before submitting it."""

    site: ExternalSite

    def log_in(self) -> Exchange:
        """Log in, and open the page that the login leads to, as browsers do."""
        exchange = super().log_in()
        self.follow(exchange)
        return exchange

    def submit(self, path: str, fields: Mapping[str, str], *, page: str) -> Exchange:
        """Submit the form with the values that its page filled in.

        If nothing may be posted there, and there are no fields, it is a link and is followed.
        """
        exchange = self.send(self.open_form(path, fields, page=page), path, fields)
        return self.get(path) if exchange.status == 405 and not fields else exchange

    def open_form(self, path: str, fields: Mapping[str, str], *, page: str) -> FilledForm:
        """Open `page`, and find its form that posts to `path` or has these fields."""
        opened = self.follow(self.get(page))
        token = find_forgery_token(opened, self.browser.jar)
        headers = {name: token for name in FORGERY_HEADERS if token}
        return FilledForm(opened, find_form(path, opened, fields), headers)

    def send(self, filled: FilledForm, path: str, fields: Mapping[str, str]) -> Exchange:
        """Post the form to where it says, or to `path` if it is JSON or there is no form."""
        target, headers = path, filled.headers
        data: Mapping[str, str] | bytes = fields
        if self.site.paths.is_json:
            data = json.dumps(dict(fields)).encode()
            headers = {"Content-Type": "application/json", **headers}
        elif filled.form:
            target, data = filled.form.action, {**filled.form.filled, **fields}
        exchange = self._post(target, data, headers)
        again = find_redirect(exchange)
        if again and exchange.status in REPEATED:
            exchange = self._post(again, data, headers)
        return exchange

    def follow(self, exchange: Exchange) -> Exchange:
        """The page to which the redirects lead, as far as they stay on this site."""
        for _ in range(MAX_REDIRECTS):
            path = find_redirect(exchange)
            if path is None:
                break
            exchange = self.get(path)
        return exchange

    def _post(
        self, path: str, data: Mapping[str, str] | bytes, headers: Mapping[str, str]
    ) -> Exchange:
        if not isinstance(self.browser, Browser):  # it sends its own headers, and forms only
            return self.post(path, data)
        return self._record(self.browser.post(self.site.url + path, data, headers=headers))


def find_redirect(exchange: Exchange) -> str | None:
    """The path and query to which it leads on its own site; `None` for another or none."""
    target = resolve(exchange, exchange.header("location") or exchange.url)
    own = urlsplit(exchange.url)
    if not 300 <= exchange.status < 400 or (target.scheme, target.netloc) != own[:2]:
        return None
    return target._replace(scheme="", netloc="", fragment="").geturl() or "/"
