"""An application at an address, and its visitors with their browsers."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from app.lab.browser.client import TIMEOUT_SECONDS, AnyBrowser, Browser, Exchange, MakeBrowser
from app.lab.subject.evidence import Recorder

COPY = "Somebody with a copied token"
"""Who sends a token and no other cookie."""

CHECK = "The laboratory"
"""Who checks beforehand that an experiment can prove something."""


@dataclass(frozen=True)
class Paths:
    """The paths of an application that every experiment needs, and its login form."""

    login: str = "/login"
    """Takes a POST with `fields`."""
    private: str = "/dashboard"
    """Answers 200 to visitors who are logged in, and anything else to others."""
    logout: str = "/logout"
    """Takes a POST."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Names and values of the login form that log in."""
    is_json: bool = False
    """Whether login and logout take JSON instead of a form."""


class Site:
    """An application that is known by its address only."""

    person = "The user"
    """Whose account the experiments log in with, for the evidence."""

    def __init__(self, url: str, cookie_name: str, paths: Paths, make_browser: MakeBrowser) -> None:
        self.url = url
        self.cookie_name = cookie_name
        self.paths = paths
        self.make_browser = make_browser
        self.recorder = Recorder()

    def new_visitor(self, name: str = "") -> "Visitor":
        """A visitor with an empty browser; by default it is one of `person`."""
        return Visitor(self, self.make_browser(), name)

    def log_in_visitor(self, name: str = "") -> "Visitor":
        visitor = self.new_visitor(name)
        visitor.log_in()
        return visitor

    def logs_in_with(self, token: str, actor: str = COPY) -> bool:
        """Whether this token alone logs in; the evidence calls its sender `actor`."""
        return self.request_with_token(token, actor).status == 200

    def check_token(self) -> None:
        """Check that a fresh token alone logs in; else a refused one proves nothing.

        It is the token of another login than the experiment's: some are good for one request only.
        Raises `RuntimeError`.
        """
        self.recorder.note("First it is checked that a fresh token alone logs in.")
        token = self.log_in_visitor(f"{CHECK}’s browser").token
        if not self.logs_in_with(token, CHECK):
            raise RuntimeError(
                f"a token that was just given logs nobody in with the cookie {self.cookie_name} "
                "alone"
            )

    def request_with_token(self, token: str, actor: str = COPY) -> Exchange:
        """Request the private page with this token and no other cookie."""
        self.recorder.mask(token)
        cookie = {"Cookie": f"{self.cookie_name}={token}"}
        sender = Visitor(self, Browser(), actor)
        return sender._record(sender.own_browser.get(self.url + self.paths.private, headers=cookie))

    def send_bytes(self, request: bytes) -> bytes:
        """Send a request that no browser would send; the whole response, as bytes."""
        parts = urlsplit(self.url)
        address = (parts.hostname or "", parts.port or 80)
        with socket.create_connection(address, timeout=TIMEOUT_SECONDS) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            response = b"".join(iter(lambda: connection.recv(65536), b""))
        status = response.partition(b"\r\n")[0].decode("latin-1") or "nothing"
        self.recorder.note(f"Bytes that no browser would send are answered by {status}.")
        return response

    def snapshot(self, visitor: "Visitor", moment: str) -> None:
        """Add to the evidence what both sides hold; over HTTP alone that is not known."""

    def snapshot_at_end(self) -> None:
        """Take the last snapshot, of the last visitor who holds a token."""


class Visitor:
    """A person with a browser of their own. Every exchange is added to the evidence."""

    def __init__(self, site: Site, browser: AnyBrowser, name: str) -> None:
        self.site = site
        self.browser = browser
        self.name = name or site.recorder.name_browser(site.person)

    def get(self, path: str) -> Exchange:
        """Open a page of the site."""
        return self._record(self.browser.get(self.site.url + path))

    def post(
        self, path: str, data: Mapping[str, str] | bytes = b"", *, inside: str = ""
    ) -> Exchange:
        """Submit a form. `inside` is the code that runs in its view, for the evidence."""
        return self._record(self.browser.post(self.site.url + path, data), inside)

    def log_in(self) -> Exchange:
        """Log in with the site's account. Raises `RuntimeError` if the login is refused."""
        paths = self.site.paths
        exchange = self.submit(paths.login, paths.fields, page=paths.login)
        if exchange.status >= 400:
            raise RuntimeError(f"the login was answered {exchange.status}")
        self.site.snapshot(self, "after the login")
        return exchange

    def log_out(self) -> Exchange:
        return self.submit(self.site.paths.logout, {}, page=self.site.paths.private)

    def submit(self, path: str, fields: Mapping[str, str], *, page: str) -> Exchange:
        """Fill in the form on `page` that posts to `path`, and submit it."""
        return self.post(path, fields)

    def plant_token(self, token: str) -> None:
        """Put this token into the browser, as one can with devtools."""
        self.site.recorder.mask(token)
        self.site.recorder.note(f"{self.name} is given the token {token}.")
        cookie = f"{self.site.cookie_name}={token}; Path=/; HttpOnly"
        self.own_browser.jar.store(self.site.url, cookie)

    def reopen_browser(self) -> None:
        self.browser.restart()
        self.site.recorder.note(f"{self.name} is closed and opened again.")

    @property
    def own_browser(self) -> Browser:
        """The laboratory's own browser. Raises `TypeError` if it is a real one."""
        if not isinstance(self.browser, Browser):
            raise TypeError("this needs the laboratory's own browser")
        return self.browser

    def get_private_page(self) -> Exchange:
        """Request the page that only a login opens."""
        return self.get(self.site.paths.private)

    @property
    def is_logged_in(self) -> bool:
        return self.get_private_page().status == 200

    @property
    def token(self) -> str:
        """The value of the session's cookie in the browser; empty without one."""
        held = {cookie.name: cookie.value for cookie in self.browser.jar}
        return held.get(self.site.cookie_name, "")

    @property
    def cookie_bytes(self) -> int:
        """The length of the session cookie's name and value; 0 without one."""
        return len(self.site.cookie_name) + len(self.token) if self.token else 0

    def _record(self, exchange: Exchange, inside: str = "") -> Exchange:
        self.site.recorder.mask(self.token)
        self.site.recorder.add(exchange, inside, self.name)
        return exchange
