"""Every page of one backend, without a finding of axe. `make soak` tries all backends and sizes."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.services import LabServer
from tests.system.pages.accessibility import PAGES, find_violations, log_in
from tests.system.pages.conftest import PHONE

if TYPE_CHECKING:
    from playwright.sync_api import Page

SHORTER = {"/lab": "/lab?subject=cookie&verdict=fails"}
"""Axe looks at 400 cells of one kind for four seconds."""


@pytest.fixture
def one_backend(tmp_path: Path) -> Iterator[LabServer]:
    with LabServer(tmp_path, {"SESSION_BACKEND": "filesystem"}) as server:
        yield server


def test_axe_finds_nothing_on_a_phone(page: "Page", one_backend: LabServer) -> None:
    page.set_viewport_size(PHONE)
    log_in(page, one_backend)
    assert find_violations(page, one_backend, [SHORTER.get(path, path) for path in PAGES]) == []


def test_axe_finds_nothing_on_the_front_page(page: "Page", server: LabServer) -> None:
    page.goto(server.url)
    for action in ("login", "logout", "replay"):
        page.locator(f"form[action='/all/{action}'] button").first.click()
        page.wait_for_load_state("networkidle")
    assert find_violations(page, server, ["/"]) == []


def test_axe_finds_what_is_wrong(page: "Page", server: LabServer) -> None:
    page.route(
        "**/broken", lambda route: route.fulfill(body="<img src=x>", content_type="text/html")
    )
    assert any("image-alt" in each for each in find_violations(page, server, ["/broken"]))
    page.unroute_all()
