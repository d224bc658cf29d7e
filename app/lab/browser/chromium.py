"""A real Chromium, with the interface of the laboratory's own browser.

Every request is a navigation of its tab, and every POST a form that the tab submits, so Chromium's
own network stack applies the cookies. Playwright starts it, and DevTools report the requests, the
responses and the refused cookies. Redirects are not followed, and subresources are not loaded.
"""

import asyncio
import atexit
import shutil
import tempfile
from base64 import b64decode
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache, partial
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from app.lab.browser.client import TIMEOUT_SECONDS, Browser, Exchange, Headers, MakeBrowser
from app.lab.browser.cookie_jar import Refused
from app.lab.browser.set_cookie import Cookie
from app.lab.claim import Claim
from backends import ConfigurationError

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, CDPSession, Page

PROGRAMS = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")
"""Debian's path, and names elsewhere; the first that exists is used."""

LOCALE = "en-US"
"""Claims look for words: a page must not come in the language of this machine."""

ARGUMENTS = ("--no-sandbox", "--disable-quic", "--disable-background-networking")

_SENT = "Network.requestWillBeSent"
_SENT_RAW = "Network.requestWillBeSentExtraInfo"
_RESPONSE_RAW = "Network.responseReceivedExtraInfo"
_FINISHED, _FAILED = "Network.loadingFinished", "Network.loadingFailed"

_SUBMIT = """([url, fields]) => {
    const form = document.createElement("form");
    form.method = "post";
    form.action = url;
    for (const [name, value] of Object.entries(fields)) {
        const field = document.createElement("input");
        field.type = "hidden";
        field.name = name;
        field.value = value;
        form.append(field);
    }
    document.documentElement.append(form);
    HTMLFormElement.prototype.submit.call(form);
}"""

T = TypeVar("T")
Event = dict[str, Any]


@contextmanager
def chromium() -> Iterator[MakeBrowser]:
    """A factory of real browsers, each with its own profile, until the block ends.

    After a block without an error its browsers are reused, without their cookies.
    Raises `ConfigurationError` in one line if Chromium or Playwright is not installed.
    """
    playwright = _get_playwright()
    used: list[Chromium] = []

    def make() -> Chromium:
        used.append(playwright.idle.pop() if playwright.idle else Chromium(playwright))
        return used[-1]

    try:
        yield make
    except BaseException:
        for browser in used:
            browser.close()
        raise
    for browser in used:
        browser.clear_cookies()
    playwright.idle += used


def open_browsers(claim: Claim, *, in_chromium: bool) -> AbstractContextManager[MakeBrowser]:
    """A factory of browsers for a claim; Chromium only if the claim needs it."""
    return chromium() if in_chromium and claim.in_chromium else nullcontext(Browser)


class Chromium:
    """A browser with one tab, so that its requests come one after another."""

    def __init__(self, playwright: "_Playwright") -> None:
        self._playwright = playwright
        # Its last process may still write while the folder is being removed.
        self._profile = tempfile.TemporaryDirectory(
            prefix="session-lab-chromium-", ignore_cleanup_errors=True
        )
        self._tab = self._open()

    @property
    def jar(self) -> list[Cookie]:
        """The cookies, without their creation times; a missing SameSite counts as Lax."""
        cookies = self._playwright.run(self._tab.context.cookies())
        return [_make_cookie(dict(cookie)) for cookie in cookies]

    def get(self, url: str) -> Exchange:
        """Type an address. Raises `TimeoutError` after 10 s without a response."""
        return self._playwright.run(self._tab.type_address(url))

    def post(self, url: str, data: Mapping[str, str] | bytes = b"") -> Exchange:
        """Submit a form from a page at the same address. See `get`.

        Raises `ValueError` for bytes, which no form sends unchanged.
        """
        if isinstance(data, bytes) and data:
            raise ValueError("a form of a real browser sends fields, not bytes as they are")
        return self._playwright.run(self._tab.submit(url, dict(data or {})))

    def document_cookie(self, url: str) -> str:
        """The value of `document.cookie` for a script on the page at `url`."""
        return self._playwright.run(self._tab.document_cookie(url))

    def restart(self) -> None:
        """Close the browser, and open it again with the same profile."""
        self._playwright.run(self._tab.context.close())
        self._tab = self._open()

    def clear_cookies(self) -> None:
        self._playwright.run(self._tab.context.clear_cookies())

    def close(self) -> None:
        self._playwright.run(self._tab.context.close())
        self._profile.cleanup()

    def _open(self) -> "_Tab":
        return self._playwright.run(self._playwright.open(self._profile.name))


class _Playwright:
    """Playwright in its own thread, since it cannot be called from several threads."""

    def __init__(self) -> None:
        from playwright.async_api import async_playwright

        self.idle: list[Chromium] = []
        """Open browsers that can be reused."""
        self._program = _find_program()
        self._loop = asyncio.new_event_loop()
        # Ctrl-C may end the driver too: then the pending call raises, and that is enough.
        self._loop.set_exception_handler(lambda *_: None)
        Thread(target=self._loop.run_forever, name="chromium", daemon=True).start()
        self._api = self.run(async_playwright().start())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def open(self, profile: str) -> "_Tab":
        context = await self._api.chromium.launch_persistent_context(
            profile,
            executable_path=self._program,
            args=ARGUMENTS,
            headless=True,
            locale=LOCALE,
        )
        page = context.pages[0]
        tab = _Tab(context, page, await context.new_cdp_session(page))
        await tab.watch()
        return tab

    def close(self) -> None:
        for browser in self.idle:
            browser.close()
        self.run(self._api.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)


@cache
def _get_playwright() -> _Playwright:
    """The Playwright of this process: it takes longer to start than a browser does."""
    check_installed()
    playwright = _Playwright()
    atexit.register(playwright.close)
    return playwright


def check_installed() -> None:
    """Raise `ConfigurationError` if Chromium or Playwright is not installed."""
    _find_program()
    try:
        import playwright.async_api  # noqa: F401 - only whether it is there
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "A real browser is driven by Playwright: pip install './session-lab[chromium]'."
        ) from error


def _find_program() -> str:
    for name in PROGRAMS:
        if program := shutil.which(name):
            return program
    raise ConfigurationError("A real browser needs Chromium: apt-get install chromium.")


class _Tab:
    """The tab of a browser, and the events that DevTools report of it."""

    def __init__(self, context: "BrowserContext", page: "Page", devtools: "CDPSession") -> None:
        self.context = context
        self._page = page
        self._devtools = devtools
        self._empty_page: str | None = None
        self._events: list[tuple[str, Event]] = []
        self._has_event = asyncio.Event()

    async def watch(self) -> None:
        for name in (_SENT, _SENT_RAW, _RESPONSE_RAW, _FINISHED, _FAILED):
            self._devtools.on(name, partial(self._add_event, name))
        self._devtools.on("Fetch.requestPaused", self._handle_request)
        await self._devtools.send("Network.enable")
        await self._devtools.send("Fetch.enable")

    async def type_address(self, url: str) -> Exchange:
        self._events.clear()
        await self._devtools.send("Page.navigate", {"url": url})
        return await self._collect_exchange()

    async def submit(self, url: str, fields: Mapping[str, str]) -> Exchange:
        await self._open_empty_page(url)
        self._events.clear()
        await self._page.evaluate(_SUBMIT, [url, fields])
        return await self._collect_exchange()

    async def document_cookie(self, url: str) -> str:
        await self._open_empty_page(url)
        return str(await self._page.evaluate("document.cookie"))

    async def _open_empty_page(self, url: str) -> None:
        """Open an empty page at an address, without a request to its server."""
        self._empty_page = url
        await self._page.goto(url)
        self._empty_page = None

    async def _handle_request(self, event: Event) -> None:
        """Continue, abort or answer a request before it is sent."""
        from playwright.async_api import Error

        request = {"requestId": event["requestId"]}
        abort = {**request, "errorReason": "Aborted"}
        if event["resourceType"] != "Document":
            # Such a request is gone when the tab leaves the page. Playwright would raise a
            # handler's error in its next call, whatever that is.
            with suppress(Error):
                await self._devtools.send("Fetch.failRequest", abort)
        elif "redirectedRequestId" in event:
            await self._devtools.send("Fetch.failRequest", abort)
        elif event["request"]["url"] == self._empty_page:
            html = [{"name": "Content-Type", "value": "text/html; charset=utf-8"}]
            page = {"responseCode": 200, "responseHeaders": html}
            await self._devtools.send("Fetch.fulfillRequest", {**request, **page})
        else:
            await self._devtools.send("Fetch.continueRequest", request)

    def _add_event(self, name: str, event: Event) -> None:
        if event.get("type", "Document") == "Document":  # not a favicon
            self._events.append((name, event))
            self._has_event.set()

    async def _collect_exchange(self) -> Exchange:
        """The exchange of the current navigation."""
        navigation = await self._wait_for(_SENT)
        request_id = navigation["requestId"]
        sent = await self._wait_for(_SENT_RAW, of=request_id)
        response = await self._wait_for(_RESPONSE_RAW, of=request_id)
        ended = await self._wait_for(_FINISHED, _FAILED, of=request_id)
        return Exchange(
            method=navigation["request"]["method"],
            url=navigation["request"]["url"],
            request_headers=_split_headers(sent["headers"]),
            status=response["statusCode"],
            headers=_split_headers(response["headers"]),
            body=await self._read_body(ended),
            refused=tuple(map(_make_refused, response["blockedCookies"])),
        )

    async def _wait_for(self, *names: str, of: str | None = None) -> Event:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while True:
                for name, event in self._events:
                    if name in names and of in (None, event["requestId"]):
                        return event
                self._has_event.clear()
                await self._has_event.wait()

    async def _read_body(self, ended: Event) -> bytes:
        if "errorText" in ended:  # it failed: a redirect is not followed
            return b""
        request = {"requestId": ended["requestId"]}
        result = await self._devtools.send("Network.getResponseBody", request)
        body = str(result["body"])
        return b64decode(body) if result["base64Encoded"] else body.encode()


def _split_headers(joined: Mapping[str, str]) -> Headers:
    """Split the values of each header: DevTools join them by line feeds."""
    return tuple((name, line) for name, lines in joined.items() for line in lines.split("\n"))


def _make_refused(blocked: Event) -> Refused:
    name = str(blocked["cookieLine"]).partition("=")[0].strip()
    return Refused(name, f"Chromium says {', '.join(blocked['blockedReasons'])}")


def _make_cookie(cookie: Mapping[str, Any]) -> Cookie:
    domain, expires = cookie["domain"], cookie["expires"]
    return Cookie(
        name=cookie["name"],
        value=cookie["value"],
        domain=domain.removeprefix("."),
        host_only=not domain.startswith("."),
        path=cookie["path"],
        expires=None if expires == -1 else expires,
        secure=cookie["secure"],
        http_only=cookie["httpOnly"],
        same_site=cookie["sameSite"],
        partitioned="partitionKey" in cookie,
        created=0.0,
    )
