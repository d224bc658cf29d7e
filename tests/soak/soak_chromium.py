"""Every claim about a browser on every subject, and every page without a finding of axe.

`make soak` runs it; `make test` tries those that a browser decides, on the signed cookie.
"""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from app.lab.claim import Claim
from backends import BUILT_IN
from tests.lab.browser.test_chromium import IN_CHROMIUM, check_verdict, needs_chromium, program
from tests.soak.conftest import Say
from tests.support.services import LabServer
from tests.system.pages.accessibility import PAGES, find_violations, log_in

__all__ = ["program"]


@needs_chromium
@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("claim", IN_CHROMIUM, ids=lambda claim: claim.id)
def test_chromium_comes_to_the_verdict_of_the_jar(claim: Claim, name: str) -> None:
    check_verdict(claim, name)


WIDTHS = (1280, 390, 320)


@pytest.mark.parametrize("backend", BUILT_IN)
def test_axe_finds_nothing_on_any_page(
    chromium: Browser, tmp_path: Path, backend: str, say: Say
) -> None:
    found: list[str] = []
    schemes: tuple[Any, ...] = ("light", "dark")
    with LabServer(tmp_path, {"SESSION_BACKEND": backend}) as server:
        for width in WIDTHS:
            for scheme in schemes:
                context = chromium.new_context(
                    viewport={"width": width, "height": 900},
                    color_scheme=scheme,
                    reduced_motion="reduce",
                )
                page = context.new_page()
                log_in(page, server)
                for path in PAGES:
                    page.goto(f"{server.url}{path}")
                    found += [f"{width} {scheme} {each}" for each in find_violations(page)]
                context.close()
    say(f"pages of {backend}", looked_at=len(PAGES) * len(WIDTHS) * len(schemes), found=len(found))
    assert found == []
