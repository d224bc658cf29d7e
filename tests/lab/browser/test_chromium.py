"""Debian's Chromium comes to the verdicts of the laboratory's own browser.

Those are the verdicts to expect: tests/lab/runs/test_whole_run.py shows that the jar comes to them.
Claims that a browser decides are tried here; each claim on every subject by `make soak`.
"""

import sys
from pathlib import Path

import pytest

from app import create_app
from app.lab.browser import chromium as real
from app.lab.browser.chromium import chromium
from app.lab.claim import Claim
from app.lab.experiments import CLAIMS
from app.lab.runs.runner import make_options, try_claim
from app.lab.subject.source import BackendSource
from backends import ConfigurationError
from tests.lab.browser.tiny_site import TinySite
from tests.support.services import require

DECIDED_BY_BROWSERS = ["ends_with_browser", "hidden_from_script"]
IN_CHROMIUM = [claim for claim in CLAIMS.values() if claim.in_chromium]

needs_chromium = pytest.mark.usefixtures("program")


@pytest.fixture(scope="module")
def program() -> str:
    return require("chromium", "chromium")


def check_verdict(claim: Claim, name: str) -> None:
    """What every subject is asked, here or in tests/soak."""
    found = try_claim(claim, BackendSource(name, make_options(create_app, in_chromium=True)))
    assert found.expected is not None
    assert found.verdict is found.expected, found.because


@needs_chromium
@pytest.mark.parametrize("claim", DECIDED_BY_BROWSERS)
def test_chromium_comes_to_the_verdict_of_the_jar(claim: str) -> None:
    assert CLAIMS[claim] in IN_CHROMIUM
    check_verdict(CLAIMS[claim], "cookie")


@needs_chromium
def test_a_browser_used_before_has_no_cookies(site: TinySite) -> None:
    site.sets("/", "a=1; Max-Age=3600")
    for _ in range(2):
        with chromium() as make_browser:
            browser, other = make_browser(), make_browser()
            assert list(browser.jar) == []
            browser.get(site.url("/"))
            assert list(other.jar) == []
            assert site.last("/").header("accept-language") == "en-US"  # on every machine


@needs_chromium
def test_it_refuses_to_send_what_no_form_sends(site: TinySite) -> None:
    with chromium() as make_browser, pytest.raises(ValueError, match="fields"):
        make_browser().post(site.url("/"), b"bytes")


def test_a_missing_playwright_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "playwright.async_api", None)
    monkeypatch.setattr(real, "_get_playwright", real._get_playwright.__wrapped__)
    with pytest.raises(ConfigurationError, match=r"^.*pip install .*chromium.*$"), chromium():
        pass


def test_the_first_installed_program_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "google-chrome"
    program.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(real, "PROGRAMS", ("/nowhere/chromium", *real.PROGRAMS[1:]))
    assert real._find_program() == str(program)
