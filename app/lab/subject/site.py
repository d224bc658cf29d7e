"""An application at an address, and visitors with browsers of their own. Nothing but HTTP."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from app.lab.browser.client import TIMEOUT, AnyBrowser, Browser, Exchange, MakeBrowser
from app.lab.subject.evidence import Recorder, masked


@dataclass(frozen=True)
class Paths:
    """Where an application does what every experiment needs."""

    login: str = "/login"
    """Takes a POST with `fields`."""
    private: str = "/dashboard"
    """Answers 200 to who is logged in, and anything else to others."""
    logout: str = "/logout"
    """Takes a POST."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """What logs in: names and values of the login form."""


class Site:
    """One application, known by its address only."""

    def __init__(
        self, url: str, cookie_name: str, paths: Paths, make_browser: MakeBrowser = Browser
    ) -> None:
        self.url = url
        self.cookie_name = cookie_name
        self.paths = paths
        self.make_browser = make_browser
        self.recorder = Recorder()

    def new_visitor(self) -> "Visitor":
        """Somebody with an empty browser."""
        return Visitor(self, self.make_browser())

    def log_in_visitor(self) -> "Visitor":
        """Somebody who has just logged in."""
        visitor = self.new_visitor()
        visitor.log_in()
        return visitor

    def logs_in_with(self, token: str) -> bool:
        """Whether somebody who has this token and nothing else is logged in."""
        return self.request_with_token(token).status == 200

    def check_token(self) -> None:
        """Make sure that a login's token logs in by itself: else none that is refused is dead.

        Raises `RuntimeError` where it does not. The login is another one than the experiment's,
        whose token may be good for one request only.
        """
        if not self.logs_in_with(self.log_in_visitor().token):
            raise RuntimeError(
                f"a token that was just given logs nobody in with the cookie {self.cookie_name} "
                "alone"
            )

    def request_with_token(self, token: str, path: str | None = None) -> Exchange:
        """Ask for a page, the private one if none is named, as somebody with just this token."""
        self.recorder.hide(token)
        cookie = {"Cookie": f"{self.cookie_name}={token}"}
        exchange = Browser().get(self.url + (path or self.paths.private), headers=cookie)
        self.recorder.add(exchange)
        return exchange

    def send_bytes(self, request: bytes) -> bytes:
        """Send what no browser would, octet by octet, and give all that comes back."""
        parts = urlsplit(self.url)
        address = (parts.hostname or "", parts.port or 80)
        with socket.create_connection(address, timeout=TIMEOUT) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        self.recorder.note(_answered(answer))
        return answer

    def snapshot(self, visitor: "Visitor", moment: str) -> None:
        """Note for the evidence what both sides hold; over HTTP alone there is nothing to add."""

    def snapshot_at_end(self) -> None:
        """The same when the experiment is over, of the last visitor who holds a token."""


def _answered(answer: bytes) -> str:
    status = answer.partition(b"\r\n")[0].decode("latin-1") or "nothing"
    return f"Bytes that no browser would send are answered by {status}."


class Visitor:
    """Somebody with a browser of his own. Every exchange goes into the evidence."""

    def __init__(self, site: Site, browser: AnyBrowser) -> None:
        self.site = site
        self.browser = browser

    def get(self, path: str, **options: object) -> Exchange:
        """Follow a link of the site, or type its address."""
        return self._noted(self.browser.get(self.site.url + path, **options))

    def post(
        self, path: str, data: Mapping[str, str] | bytes = b"", *, inside: str = ""
    ) -> Exchange:
        """Submit a form. `inside`: the code that runs in its view, for the evidence."""
        return self._noted(self.browser.post(self.site.url + path, data), inside)

    def log_in(self) -> Exchange:
        """Log in with the site's account. Raises `RuntimeError` where that is refused."""
        paths = self.site.paths
        exchange = self.submit(paths.login, paths.fields, page=paths.login)
        if exchange.status >= 400:
            raise RuntimeError(f"the login was answered {exchange.status}")
        self.site.snapshot(self, "after the login")
        return exchange

    def log_out(self) -> Exchange:
        paths = self.site.paths
        return self.submit(paths.logout, {}, page=paths.private)

    def submit(self, path: str, fields: Mapping[str, str], *, page: str) -> Exchange:
        """Fill in the form of `page` that goes to `path`, and send it."""
        return self.post(path, fields)

    def plant_token(self, token: str) -> None:
        """Put this token into my browser, as devtools would: planted, copied or kept."""
        self.site.recorder.hide(token)
        self.site.recorder.note(f"The token {masked(token)} is put into the browser.")
        cookie = f"{self.site.cookie_name}={token}; Path=/; HttpOnly"
        self.own_browser.jar.store(self.site.url, cookie)

    def reopen_browser(self) -> None:
        """Close the browser, and open it again."""
        self.browser.restart()
        self.site.recorder.note("The browser is closed and opened again.")

    @property
    def own_browser(self) -> Browser:
        """My browser, if it is the laboratory's own. Raises `TypeError` for a real one."""
        if not isinstance(self.browser, Browser):
            raise TypeError("this needs the laboratory's own browser")
        return self.browser

    def get_private_page(self) -> Exchange:
        """Ask for the page that only somebody logged in gets."""
        return self.get(self.site.paths.private)

    @property
    def is_logged_in(self) -> bool:
        return self.get_private_page().status == 200

    @property
    def token(self) -> str:
        """What the browser holds as the session's cookie; empty where it holds none."""
        held = {cookie.name: cookie.value for cookie in self.browser.jar}
        return held.get(self.site.cookie_name, "")

    @property
    def cookie_bytes(self) -> int:
        """Name and value of the session's cookie; 0 without one."""
        token = self.token
        return len(self.site.cookie_name) + len(token) if token else 0

    def _noted(self, exchange: Exchange, inside: str = "") -> Exchange:
        self.site.recorder.hide(self.token)
        self.site.recorder.add(exchange, inside)
        return exchange
