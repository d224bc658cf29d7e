"""Debian's Chromium comes to the verdicts of the laboratory's own browser.

Those are the verdicts to expect: tests/lab/runs/test_whole_run.py shows that the jar comes to them.
Claims that a browser decides are tried here; each claim on every subject by `make soak`.
"""

import sys
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
from tests.lab.browser.tiny_site import Reply, TinySite
from tests.support.services import require

DECIDED_BY_BROWSERS = ["ends_with_browser", "hidden_from_script"]
IN_CHROMIUM = [claim for claim in CLAIMS.values() if claim.in_chromium]

needs_chromium = pytest.mark.usefixtures("program")


@pytest.fixture(scope="module")
def program() -> str:
    return require("chromium", "chromium")


@pytest.fixture
def browser() -> Iterator[AnyBrowser]:
    with chromium() as make_browser:
        yield make_browser()


def read_cookies(browser: AnyBrowser) -> dict[str, str]:
    return {cookie.name: cookie.value for cookie in browser.jar}


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
class TestChromium:
    def test_an_exchange_is_what_was_sent_and_answered(
        self, browser: AnyBrowser, site: TinySite
    ) -> None:
        site.replies["/form"] = Reply(
            status=403, headers=(("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")), body=b"no, \xc3\xa9"
        )
        browser.get(site.url("/form"))
        exchange = browser.post(site.url("/form"), {"submit": "ü & =", "next": ""})
        received = site.last("/form")
        assert (received.method, received.body) == ("POST", b"submit=%C3%BC+%26+%3D&next=")
        assert received.header("sec-fetch-site") == "same-origin"
        assert received.header("accept-language") == "en-US"  # on every machine
        assert received.header("cookie") == "a=1; b=2"
        assert (exchange.method, exchange.url) == ("POST", site.url("/form"))
        assert (exchange.status, exchange.cookie_bytes) == (403, len("a=1; b=2"))
        assert exchange.set_cookie_bytes == len("a=1") + len("b=2")
        assert len(exchange.body) > 0

    def test_a_redirect_is_not_followed_and_its_cookies_kept_or_named(
        self, browser: AnyBrowser, site: TinySite
    ) -> None:
        flags = "Secure; HttpOnly; SameSite=Strict"
        cookies = (f"a=1; {flags}", "large=" + "x" * 4096, "__Host-bare=1; Path=/")
        headers = (("Location", "/next"), *(("Set-Cookie", each) for each in cookies))
        site.replies["/"] = Reply(status=302, headers=headers)
        exchange = browser.get(site.url("/"))
        assert (exchange.status, exchange.header("location")) == (302, "/next")
        assert [refused.name for refused in exchange.refused] == ["large", "__Host-bare"]
        assert [request.target for request in site.received] == ["/"]
        (cookie,) = browser.jar
        assert (cookie.name, cookie.value, cookie.path, cookie.expires) == ("a", "1", "/", None)
        assert (cookie.secure, cookie.http_only, cookie.same_site) == (True, True, "Strict")

    def test_nothing_is_loaded_that_a_page_asks_for(
        self, browser: AnyBrowser, site: TinySite
    ) -> None:
        site.replies["/"] = Reply(body=b'<!doctype html><script src="/script.js"></script>')
        browser.get(site.url("/"))
        browser.get(site.url("/other"))
        assert [request.target for request in site.received] == ["/", "/other"]

    def test_document_cookie_is_read_without_a_request(
        self, browser: AnyBrowser, site: TinySite
    ) -> None:
        site.sets("/shop/", "open=1", "hidden=2; HttpOnly")
        browser.get(site.url("/shop/"))
        assert browser.document_cookie(site.url("/shop/cart")) == "open=1"
        assert browser.document_cookie(site.url("/")) == ""
        assert [request.target for request in site.received] == ["/shop/"]

    def test_session_cookies_end_when_it_is_opened_again(
        self, browser: AnyBrowser, site: TinySite
    ) -> None:
        site.sets("/", "short=1", "long=2; Max-Age=3600")
        browser.get(site.url("/"))
        browser.restart()
        assert read_cookies(browser) == {"long": "2"}

    def test_a_browser_used_before_has_no_cookies(self, site: TinySite) -> None:
        site.sets("/", "a=1; Max-Age=3600")
        for _ in range(2):
            with chromium() as make_browser:
                browser, other = make_browser(), make_browser()
                assert read_cookies(browser) == {}
                browser.get(site.url("/"))
                assert read_cookies(other) == {}

    def test_it_refuses_to_send_what_no_form_sends(
        self, browser: AnyBrowser, site: TinySite
    ) -> None:
        with pytest.raises(ValueError, match="fields"):
            browser.post(site.url("/"), b"bytes")


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
