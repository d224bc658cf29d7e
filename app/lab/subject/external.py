"""A foreign Flask application as a subject: a process, used over HTTP alone."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup, Tag

from app.lab.browser.chromium import open_browsers
from app.lab.browser.client import Browser, Exchange, MakeBrowser
from app.lab.claim import Claim
from app.lab.measuring import read_last_line
from app.lab.subject.site import Paths, Site, Visitor
from backends import BACKENDS, ConfigurationError

PROCESS_TIMEOUT_SECONDS = 30.0
"""For an application to listen, and to end."""


@dataclass(frozen=True)
class ExternalApp:
    """An application that the laboratory knows only by its address and its login.

    Each claim starts it afresh, so that a count of failed logins does not reach the next claim.
    Claims are tried one by one, because its starts may share a database.
    """

    target: str
    """In Flask's own notation: `module`, `module:app`, `module:create_app`, `module:make(1)`."""
    paths: Paths
    cookie_name: str = "session"
    in_chromium: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    """The environment it is started with; a run's processes have another."""
    shares_state: bool = field(default=True, init=False)

    @property
    def name(self) -> str:
        """The module; marked as an application if a backend has the same name."""
        module = self.target.partition(":")[0]
        return f"{module} (application)" if module in BACKENDS else module

    def expected(self, claim: Claim) -> None:
        """No verdict is expected of a foreign application."""

    def check(self) -> None:
        """Check that the pages behave as the experiments assume.

        Raises `ConfigurationError` with one line that names the response and the option to give.
        """
        with self.start() as site:
            try:
                _check_private_page(site)
                visitor = _check_login(site)
                _check_cookie(visitor)
                _check_token(site)
                _check_logout(visitor)
            except OSError as error:
                raise ConfigurationError(f"{self.target} stopped answering: {error}.") from error

    @contextmanager
    def open(self, claim: Claim) -> Iterator[Site]:
        browsers = open_browsers(claim, in_chromium=self.in_chromium)
        with browsers as make_browser, self.start(make_browser) as site:
            yield site

    @contextmanager
    def start(self, make_browser: MakeBrowser = Browser) -> Iterator[Site]:
        """Start the application in a process of its own, in the current folder.

        If it does not start, raises `ConfigurationError` with the last line that it wrote.
        """
        port = _free_port()
        with tempfile.TemporaryDirectory(prefix="session-lab-") as folder:
            log = Path(folder) / "log"
            with _run_process(self._command(port), self._environment(), log) as process:
                _wait_for_port(process, port, self.target, log)
                url = f"http://127.0.0.1:{port}"
                yield ExternalSite(url, self.cookie_name, self.paths, make_browser)

    def _command(self, port: int) -> list[str]:
        flask = [sys.executable, "-m", "flask", "--app", self.target, "--no-debug"]
        address = ["--host", "127.0.0.1", "--port", str(port)]
        return [*flask, "run", *address, "--no-reload", "--no-debugger", "--with-threads"]

    def _environment(self) -> dict[str, str]:
        """The environment without the settings that would change how Flask serves."""
        return {n: v for n, v in self.environment.items() if not n.startswith("FLASK_RUN_")}


@dataclass
class Form:
    """The fields of a form."""

    hidden: dict[str, str] = field(default_factory=dict)
    """Values that the page filled in itself, such as a token against forged requests."""
    visible: list[str] = field(default_factory=list)


class ExternalSite(Site):
    """An application whose forms may have more fields than those that were named."""

    def new_visitor(self, name: str = "") -> "ExternalVisitor":
        return ExternalVisitor(self, self.make_browser(), name)


class ExternalVisitor(Visitor):
    """A visitor who opens the page with a form before submitting it."""

    def submit(self, path: str, fields: Mapping[str, str], *, page: str) -> Exchange:
        """Submit the form with the values that its page filled in.

        If nothing may be posted there, and there are no fields, it is a link and is followed.
        """
        exchange = self.post(path, {**self.form(path, page).hidden, **fields})
        return self.get(path) if exchange.status == 405 and not fields else exchange

    def form(self, path: str, page: str) -> Form:
        """The form on `page` that posts to `path`."""
        exchange = self.get(page)
        return find_form(path, exchange.text, exchange.url)


def find_form(path: str, page: str, address: str) -> Form:
    """The form on the page at `address` that posts to `path`; empty without one."""
    for form in BeautifulSoup(page, "html.parser").find_all("form"):
        target = urlsplit(urljoin(address, str(form.get("action", ""))))
        is_own = target.netloc == urlsplit(address).netloc and target.path == path
        if is_own and str(form.get("method", "get")).lower() == "post":
            return _read_form(form)
    return Form()


def _read_form(form: Tag) -> Form:
    found = Form()
    for tag in form.find_all("input", attrs={"name": True}):
        if str(tag.get("type", "text")).lower() == "hidden":
            found.hidden[str(tag["name"])] = str(tag.get("value", ""))
        else:
            found.visible.append(str(tag["name"]))
    return found


def _check_private_page(site: Site) -> None:
    if site.new_visitor().get_private_page().status == 200:
        raise ConfigurationError(
            f"GET {site.paths.private} was answered 200 to somebody who is not logged in: "
            "name a page that only a login opens by --private."
        )


def _check_login(site: Site) -> ExternalVisitor:
    """A visitor who could log in."""
    visitor, paths = site.new_visitor(), site.paths
    assert isinstance(visitor, ExternalVisitor)
    form = visitor.form(paths.login, paths.login)
    response = visitor.submit(paths.login, paths.fields, page=paths.login)
    private = visitor.get_private_page()
    if response.status < 400 and private.status == 200:
        return visitor
    told = f"POST {paths.login} was answered {response.status}, and GET {paths.private} after it "
    if response.status < 400 and private.status == 404:
        raise ConfigurationError(f"{told}404: name a page that only a login opens by --private.")
    if response.status in (404, 405):
        raise ConfigurationError(f"{told}{private.status}: name where the form goes by --login.")
    asks = f" It asks for: {', '.join(form.visible)}." if form.visible else ""
    raise ConfigurationError(f"{told}{private.status}: give its form by --field NAME=VALUE.{asks}")


def _check_cookie(visitor: Visitor) -> None:
    if not visitor.token:
        raise ConfigurationError(
            f"After the login the browser holds no cookie {visitor.site.cookie_name!r} (but: "
            f"{_list_cookies(visitor)}): name the session's by --cookie."
        )


def _check_token(site: Site) -> None:
    visitor = site.log_in_visitor()
    alone = site.request_with_token(visitor.token)
    if alone.status != 200:
        raise ConfigurationError(
            f"A login needs more than the cookie {site.cookie_name!r}: GET {site.paths.private} "
            f"with it alone was answered {alone.status}. Name the session's by --cookie (there "
            f"are: {_list_cookies(visitor)}); an application that needs several cannot be tried."
        )


def _list_cookies(visitor: Visitor) -> str:
    return ", ".join(cookie.name for cookie in visitor.browser.jar) or "none"


def _check_logout(visitor: Visitor) -> None:
    response, paths = visitor.log_out(), visitor.site.paths
    if visitor.is_logged_in:
        raise ConfigurationError(
            f"{response.method} {paths.logout} was answered {response.status}, and the login "
            "lives on: name where the logout goes by --logout."
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _run_process(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - the user named what to run
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(PROCESS_TIMEOUT_SECONDS)
        process.kill()
        process.wait()


def _wait_for_port(process: "subprocess.Popen[bytes]", port: int, target: str, log: Path) -> None:
    deadline = time.monotonic() + PROCESS_TIMEOUT_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), PROCESS_TIMEOUT_SECONDS).close()
            return
        time.sleep(0.02)
    has_ended = process.poll() is not None
    how = "ended" if has_ended else f"did not listen within {PROCESS_TIMEOUT_SECONDS:.0f} seconds"
    last = read_last_line(log) or "it says nothing"
    raise ConfigurationError(f"The application {target} {how}; its last line: {last}")
