"""Somebody else's Flask application as a subject: a process on loopback, asked over HTTP alone."""

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
from app.lab.subject.site import Paths, Site, Visitor
from backends import BACKENDS, ConfigurationError

PATIENCE = 30.0
"""Seconds for an application to listen, and to end."""


@dataclass(frozen=True)
class ExternalApp:
    """An application that the laboratory knows only by its address and its login.

    Each claim starts it afresh, so that a flood or a count of failed logins does not reach the
    next. Claims are tried one by one, because its starts may share a database.
    """

    target: str
    """In Flask's own notation: `module`, `module:app`, `module:create_app`, `module:make(1)`."""
    paths: Paths
    cookie_name: str = "session"
    in_chromium: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    """The environment it is started with; kept here, because a run's processes have another."""
    shares_state: bool = field(default=True, init=False)

    @property
    def name(self) -> str:
        """The module, and that it is an application where a backend has the same name."""
        module = self.target.partition(":")[0]
        return f"{module} (application)" if module in BACKENDS else module

    def expected(self, claim: Claim) -> None:
        """Nothing is expected of somebody else's application."""

    def check(self) -> None:
        """Check that the pages are what the experiments take them for.

        Raises `ConfigurationError` with one line that says what was answered, and what to give.
        """
        with self.start() as site:
            try:
                _check_private_page(site)
                visitor = _checked_login(site)
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
        """The application in a process of its own, in the current folder.

        Raises `ConfigurationError` with the last line that it wrote where it does not start.
        """
        port = _free_port()
        with tempfile.TemporaryDirectory(prefix="session-lab-") as folder:
            log = Path(folder) / "log"
            with _process(self._command(port), self._environment(), log) as process:
                _wait_until_it_listens(process, port, self.target, log)
                url = f"http://127.0.0.1:{port}"
                yield ExternalSite(url, self.cookie_name, self.paths, make_browser)

    def _command(self, port: int) -> list[str]:
        flask = [sys.executable, "-m", "flask", "--app", self.target, "--no-debug"]
        address = ["--host", "127.0.0.1", "--port", str(port)]
        return [*flask, "run", *address, "--no-reload", "--no-debugger", "--with-threads"]

    def _environment(self) -> dict[str, str]:
        """Its environment without what would change how Flask serves."""
        return {
            name: text
            for name, text in self.environment.items()
            if not name.startswith("FLASK_RUN_")
        }


@dataclass
class Form:
    """A form as far as a program that fills it in needs it."""

    hidden: dict[str, str] = field(default_factory=dict)
    """What the page filled in itself, such as a token against cross-site requests."""
    visible: list[str] = field(default_factory=list)


class ExternalSite(Site):
    """An application whose forms may hold more than it was said to take."""

    def new_visitor(self) -> "ExternalVisitor":
        return ExternalVisitor(self, self.make_browser())


class ExternalVisitor(Visitor):
    """Somebody who opens the page with the form before sending it."""

    def submit(self, path: str, fields: Mapping[str, str], *, page: str) -> Exchange:
        """Send the form with what its page filled in, such as a token against forged requests.

        A form without fields that may not be posted is taken for a link.
        """
        exchange = self.post(path, {**self.form(path, page).hidden, **fields})
        return self.get(path) if exchange.status == 405 and not fields else exchange

    def form(self, path: str, page: str) -> Form:
        """The form of `page` that goes to `path`."""
        shown = self.get(page)
        return find_form(path, shown.text, shown.url)


def find_form(path: str, page: str, address: str) -> Form:
    """The form on the page at `address` that posts to `path` of its site; else an empty one."""
    for form in BeautifulSoup(page, "html.parser").find_all("form"):
        target = urlsplit(urljoin(address, str(form.get("action", ""))))
        own = target.netloc == urlsplit(address).netloc and target.path == path
        if own and str(form.get("method", "get")).lower() == "post":
            return _read_form(form)
    return Form()


def _read_form(form: Tag) -> Form:
    found = Form()
    for field_ in form.find_all("input", attrs={"name": True}):
        name = str(field_["name"])
        if str(field_.get("type", "text")).lower() == "hidden":
            found.hidden[name] = str(field_.get("value", ""))
        else:
            found.visible.append(name)
    return found


def _check_private_page(site: Site) -> None:
    page = site.paths.private
    if site.new_visitor().get_private_page().status == 200:
        raise ConfigurationError(
            f"GET {page} was answered 200 to somebody who is not logged in: name a page that only "
            "a login opens by --private."
        )


def _checked_login(site: Site) -> ExternalVisitor:
    visitor, paths = site.new_visitor(), site.paths
    assert isinstance(visitor, ExternalVisitor)
    form = visitor.form(paths.login, paths.login)
    answer = visitor.submit(paths.login, paths.fields, page=paths.login)
    private = visitor.get_private_page()
    if answer.status < 400 and private.status == 200:
        return visitor
    said = f"POST {paths.login} was answered {answer.status}, and GET {paths.private} after it "
    if answer.status < 400 and private.status == 404:
        raise ConfigurationError(f"{said}404: name a page that only a login opens by --private.")
    if answer.status in (404, 405):
        raise ConfigurationError(f"{said}{private.status}: name where the form goes by --login.")
    asks = f" It asks for: {', '.join(form.visible)}." if form.visible else ""
    raise ConfigurationError(f"{said}{private.status}: give its form by --field NAME=VALUE.{asks}")


def _check_cookie(visitor: Visitor) -> None:
    if not visitor.token:
        raise ConfigurationError(
            f"After the login the browser holds no cookie {visitor.site.cookie_name!r} (but: "
            f"{_held(visitor)}): name the session's by --cookie."
        )


def _check_token(site: Site) -> None:
    visitor = site.log_in_visitor()
    alone = site.request_with_token(visitor.token)
    if alone.status != 200:
        raise ConfigurationError(
            f"A login needs more than the cookie {site.cookie_name!r}: GET {site.paths.private} "
            f"with it alone was answered {alone.status}. Name the session's by --cookie (there "
            f"are: {_held(visitor)}); an application that needs several cannot be tried."
        )


def _held(visitor: Visitor) -> str:
    return ", ".join(cookie.name for cookie in visitor.browser.jar) or "none"


def _check_logout(visitor: Visitor) -> None:
    answer, paths = visitor.log_out(), visitor.site.paths
    if visitor.is_logged_in:
        raise ConfigurationError(
            f"{answer.method} {paths.logout} was answered {answer.status}, and the login lives on: "
            "name where the logout goes by --logout."
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _process(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - the user named what to run
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until_it_listens(
    process: "subprocess.Popen[bytes]", port: int, target: str, log: Path
) -> None:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
            return
        time.sleep(0.02)
    lines = log.read_text(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it says nothing")
    how = "ended" if process.poll() is not None else f"did not listen within {PATIENCE:.0f} seconds"
    raise ConfigurationError(f"The application {target} {how}; its last line: {last}")
