"""One application for all tests of its pages in Chromium."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from app.inspector.side_by_side import DONE, OUTCOMES
from app.lab.runs.background import RunFiles
from tests.lab.reports.made_reports import faulty_run
from tests.support.services import LabServer

Listen = Callable[[Any, Callable[[Any], None]], None]

DESKTOP: Any = {"width": 1280, "height": 900}
PHONE: Any = {"width": 390, "height": 844}

SAYS = {**DONE, "grow": OUTCOMES["413"], "replay": OUTCOMES["still-logged-in"]}
"""What tells that an action is over: the bar's sentence."""


QUICK_LOGINS = """
from app.__main__ import main
from app.accounts import database

hash_password = database.generate_password_hash
database.generate_password_hash = lambda password, _="": hash_password(password, "scrypt:128:8:1")
main()
"""
"""`session-lab run`, but a login on all backends at once does not take a second of hashing."""

COMMAND = (sys.executable, "-c", QUICK_LOGINS, "run")


@pytest.fixture(autouse=True)
def processes(untraced_processes: None) -> None:
    """Coverage does not trace them."""


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """The application on every backend, with the results of a run of the laboratory."""
    server = LabServer(tmp_path_factory.mktemp("pages"), command=COMMAND)
    files_of(server).folder.mkdir(parents=True)
    files_of(server).save_report(faulty_run())
    with server:
        yield server


def files_of(server: LabServer) -> RunFiles:
    """The files of the laboratory's runs on that server."""
    return RunFiles(server.folder / "instance" / "lab")


@pytest.fixture
def files(server: LabServer) -> RunFiles:
    return files_of(server)


@pytest.fixture(scope="package")
def tab(chromium: Browser) -> Iterator[Page]:
    """One tab for all tests: a new one takes a quarter of a second of the processor."""
    context = chromium.new_context(viewport=DESKTOP, reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.fixture(scope="package")
def scriptless_tab(chromium: Browser) -> Iterator[Page]:
    """A tab that runs no script."""
    context = chromium.new_context(viewport=DESKTOP, java_script_enabled=False)
    yield context.new_page()
    context.close()


def empty(tab: Page) -> Page:
    """The tab as it is when a browser was just opened: no page, no cookies, a desktop in light."""
    tab.goto("about:blank")
    tab.context.clear_cookies()
    tab.set_viewport_size(DESKTOP)
    tab.emulate_media(media="null", color_scheme="light")
    return tab


def press(page: Page, action: str) -> None:
    """Press a button of the bar, and wait until the page shows the result."""
    page.locator(f"form[action='/all/{action}'] button").first.click()
    page.locator("#outcome", has_text=SAYS[action]).wait_for()


@pytest.fixture
def page(tab: Page) -> Page:
    return empty(tab)


@pytest.fixture
def scriptless_page(scriptless_tab: Page) -> Page:
    return empty(scriptless_tab)


@pytest.fixture
def listen(page: Page) -> Iterator[Listen]:
    """Calls a function at each event of the page, until the test ends."""
    with ExitStack() as listeners:

        def begin(event: Any, hear: Callable[[Any], None]) -> None:
            page.on(event, hear)
            listeners.callback(page.remove_listener, event, hear)

        yield begin
