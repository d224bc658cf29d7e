"""A foreign Flask application as a subject: a process, used over HTTP alone."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

from app.lab.browser.chromium import open_browsers
from app.lab.browser.client import Browser, MakeBrowser
from app.lab.claim import Claim
from app.lab.measuring import read_last_line
from app.lab.stores.redis_server import free_port
from app.lab.subject.check import check_site
from app.lab.subject.external_site import ExternalSite
from app.lab.subject.page import find_exception
from app.lab.subject.site import Paths, Site
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
                check_site(site)
            except (OSError, HTTPException) as error:
                raise ConfigurationError(f"{self.target} stopped answering: {error}.") from error

    @contextmanager
    def open(self, claim: Claim) -> Iterator[Site]:
        browsers = open_browsers(claim, in_chromium=self.in_chromium)
        with browsers as make_browser, self.start(make_browser) as site:
            yield site

    @contextmanager
    def start(self, make_browser: MakeBrowser = Browser) -> Iterator[ExternalSite]:
        """Start the application in a process of its own, in the current folder.

        If it does not start, raises `ConfigurationError` with the last line that it wrote.
        """
        port = free_port()
        with tempfile.TemporaryDirectory(prefix="session-lab-") as folder, ExitStack() as running:
            log = Path(folder) / "log"

            def launch() -> None:
                running.close()  # the process that ran before, if any
                start = run_process(self._command(port), self._environment(), log)
                wait_for_port(running.enter_context(start), port, self.target, log)

            launch()
            url = f"http://127.0.0.1:{port}"
            yield ExternalSite(url, self.cookie_name, self.paths, make_browser, launch, log)

    def _command(self, port: int) -> list[str]:
        flask = [sys.executable, "-m", "flask", "--app", self.target, "--no-debug"]
        address = ["--host", "127.0.0.1", "--port", str(port)]
        return [*flask, "run", *address, "--no-reload", "--no-debugger", "--with-threads"]

    def _environment(self) -> dict[str, str]:
        """The environment without the settings that would change how Flask serves."""
        return {n: v for n, v in self.environment.items() if not n.startswith("FLASK_RUN_")}


@contextmanager
def run_process(
    command: Sequence[str], environment: Mapping[str, str], log: Path, folder: Path | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process in this folder, or in the current one, which ends with the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - the user named what to run
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(PROCESS_TIMEOUT_SECONDS)
        process.kill()
        process.wait()


def wait_for_port(process: "subprocess.Popen[bytes]", port: int, target: str, log: Path) -> None:
    """Raises `ConfigurationError` with the last line of the log if nothing listens in time."""
    deadline = time.monotonic() + PROCESS_TIMEOUT_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), PROCESS_TIMEOUT_SECONDS).close()
            return
        time.sleep(0.02)
    has_ended = process.poll() is not None
    how = "ended" if has_ended else f"did not listen within {PROCESS_TIMEOUT_SECONDS:.0f} seconds"
    last = find_exception(log.read_text(errors="replace")) or read_last_line(log)
    raise ConfigurationError(
        f"The application {target} {how}; its last line: {last or 'it says nothing'}"
        f"{_find_hint(last)}"
    )


def _find_hint(last: str) -> str:
    if last.startswith("ModuleNotFoundError"):
        return " (install its packages into this environment)"
    if last.startswith("Error: "):  # Flask's own, of a name that it cannot find
        return " (give --app as for flask run, in the application's folder)"
    return ""
