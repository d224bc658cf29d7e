"""Debian's Chromium comes to the verdicts of the laboratory's own browser.

Those are the verdicts to expect: tests/lab/test_compare.py shows that the jar comes to them. One
subject of each kind is tried here, and every one by `make soak`.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import create_app
from app.lab.browser import chromium as real
from app.lab.browser.chromium import chromium
from app.lab.browser.client import AnyBrowser
from app.lab.claim import Claim
from app.lab.experiments import CLAIMS
from app.lab.runs.runner import make_options, try_claim
from app.lab.subject.source import BackendSource
from backends import ConfigurationError
from tests.lab.browser.tiny_site import Answer, TinySite, tiny_site
from tests.support.services import PATIENCE, LabServer, group_is_gone, require

IN_CHROMIUM = [claim for claim in CLAIMS.values() if claim.in_chromium]
ONE_OF_EACH_KIND = ("cookie", "redis", "flask-session-filesystem")


@pytest.fixture(scope="module", autouse=True)
def program() -> str:
    return require("chromium", "chromium")


@pytest.fixture
def site() -> Iterator[TinySite]:
    with tiny_site() as site:
        yield site


@pytest.fixture
def browser() -> Iterator[AnyBrowser]:
    with chromium() as make_browser:
        yield make_browser()


def held(browser: AnyBrowser) -> dict[str, str]:
    return {cookie.name: cookie.value for cookie in browser.jar}


def comes_to_the_expected_verdict(claim: Claim, name: str) -> None:
    """What every subject is asked, here or in tests/soak."""
    found = try_claim(claim, BackendSource(name, make_options(create_app, in_chromium=True)))
    assert found.expected is not None
    assert found.verdict is found.expected, found.because


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
@pytest.mark.parametrize("claim", IN_CHROMIUM, ids=lambda claim: claim.id)
def test_chromium_comes_to_the_verdict_of_the_jar(claim: Claim, name: str) -> None:
    comes_to_the_expected_verdict(claim, name)


class TestChromium:
    def test_submits_a_form_and_tells_what_was_sent_and_what_came_back(
        self, browser: AnyBrowser, site: TinySite
    ) -> None:
        site.answers["/form"] = Answer(
            status=403, headers=(("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")), body=b"no, \xc3\xa9"
        )
        browser.get(site.url("/form"))

        exchange = browser.post(site.url("/form"), {"submit": "ü & =", "next": ""})

        received = site.last("/form")
        assert (received.method, received.body) == ("POST", b"submit=%C3%BC+%26+%3D&next=")
        assert received.header("sec-fetch-site") == "same-origin"
        assert received.header("cookie") == "a=1; b=2"
        assert (exchange.method, exchange.url) == ("POST", site.url("/form"))
        assert exchange.status == 403
        assert exchange.cookie_bytes == len("a=1; b=2")
        assert exchange.set_cookie_bytes == len("a=1") + len("b=2")
        assert len(exchange.body) > 0

    def test_stops_before_the_second_request_of_a_redirect_and_keeps_its_cookie(
        self, browser: AnyBrowser, site: TinySite
    ) -> None:
        headers = (("Location", "/next"), ("Set-Cookie", "a=1"))
        site.answers["/"] = Answer(status=302, headers=headers)

        exchange = browser.get(site.url("/"))

        assert (exchange.status, exchange.header("location")) == (302, "/next")
        assert [request.target for request in site.received] == ["/"]
        assert held(browser) == {"a": "1"}

    def test_loads_nothing_that_a_page_asks_for(self, browser: AnyBrowser, site: TinySite) -> None:
        site.answers["/"] = Answer(body=b'<!doctype html><script src="/script.js"></script>')

        browser.get(site.url("/"))
        browser.get(site.url("/other"))

        assert [request.target for request in site.received] == ["/", "/other"]

    def test_says_which_cookie_it_did_not_keep(self, browser: AnyBrowser, site: TinySite) -> None:
        site.sets("/", "good=1", "large=" + "x" * 4096, "__Host-bare=1; Path=/")

        exchange = browser.get(site.url("/"))

        assert [refused.name for refused in exchange.refused] == ["large", "__Host-bare"]
        assert held(browser) == {"good": "1"}

    def test_shows_document_cookie_without_asking_the_server(
        self, browser: AnyBrowser, site: TinySite
    ) -> None:
        site.sets("/shop/", "open=1", "hidden=2; HttpOnly")
        browser.get(site.url("/shop/"))

        assert browser.document_cookie(site.url("/shop/cart")) == "open=1"
        assert browser.document_cookie(site.url("/")) == ""
        assert [request.target for request in site.received] == ["/shop/"]

    def test_forgets_session_cookies_when_it_is_closed_and_opened_again(
        self, browser: AnyBrowser, site: TinySite
    ) -> None:
        site.sets("/", "short=1", "long=2; Max-Age=3600")
        browser.get(site.url("/"))

        browser.restart()

        assert held(browser) == {"long": "2"}

    def test_is_without_cookies_whoever_had_it_before(self, site: TinySite) -> None:
        site.sets("/", "a=1; Max-Age=3600")
        for _ in range(2):
            with chromium() as make_browser:
                browser, other = make_browser(), make_browser()
                assert held(browser) == {}
                browser.get(site.url("/"))
                assert held(other) == {}

    def test_sends_no_bytes_that_no_form_sends(self, browser: AnyBrowser, site: TinySite) -> None:
        with pytest.raises(ValueError, match="fields"):
            browser.post(site.url("/"), b"bytes")


def test_a_missing_program_is_one_line_that_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(real, "PROGRAMS", ("/nowhere/chromium",))
    monkeypatch.setattr(real, "_get_playwright", real._get_playwright.__wrapped__)
    with pytest.raises(ConfigurationError, match=r"^.*apt-get install chromium\.$"), chromium():
        pass


def test_a_missing_playwright_is_one_line_that_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "playwright.async_api", None)
    monkeypatch.setattr(real, "_get_playwright", real._get_playwright.__wrapped__)
    with pytest.raises(ConfigurationError, match=r"^.*pip install .*chromium.*$"), chromium():
        pass


def test_the_first_program_that_is_there_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "google-chrome"
    program.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(real, "PROGRAMS", ("/nowhere/chromium", *real.PROGRAMS[1:]))
    assert real._find_program() == str(program)


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder whose name is short: a socket of Chromium has to find room in it."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.usefixtures("untraced_processes")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
def test_a_run_that_is_ended_leaves_nothing_and_says_nothing_of_it(
    number: signal.Signals, temporary: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "app", "compare", "--browser", "chromium"]
    only = ["--backend", "cookie", *(f"--only={claim.id}" for claim in IN_CHROMIUM)]
    with subprocess.Popen(
        [*command, *only],
        cwd=Path(__file__).parents[3],
        env={**LabServer(tmp_path).environment, "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        while not list(temporary.glob("*/org.chromium.*")):
            assert process.poll() is None
            time.sleep(0.02)
        os.killpg(process.pid, number)  # as the end of a session does
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + number
    assert "Exception" not in errors
    assert "Traceback" not in errors
    assert list(temporary.iterdir()) == []
    assert group_is_gone(process.pid)
