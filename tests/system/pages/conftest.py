"""One application for all tests of its pages in Chromium."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from app.lab.runs.background import RunFiles
from tests.lab.reports.made_reports import faulty_run
from tests.support.services import LabServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DESKTOP: Any = {"width": 1280, "height": 900}
PHONE: Any = {"width": 390, "height": 844}


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


@pytest.fixture
def page(chromium: "Browser") -> Iterator["Page"]:
    context = chromium.new_context(viewport=DESKTOP, reduced_motion="reduce")
    yield context.new_page()
    context.close()
