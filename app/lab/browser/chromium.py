"""Debian's Chromium in the place of the laboratory's own browser.

Every request is a navigation of a tab, and every POST a form that the tab submits: the cookies are
applied by Chromium's own network stack. Playwright starts it, and its DevTools tell what it sent,
what came back, and what it did not keep. As with the laboratory's own browser, a redirect is not
followed, and nothing that a page asks for is loaded.
"""

import asyncio
import atexit
import shutil
import tempfile
from base64 import b64decode
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache, partial
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from app.lab.browser.client import TIMEOUT, Browser, Exchange, Headers, MakeBrowser
from app.lab.browser.cookie_jar import Refused
from app.lab.browser.set_cookie import Cookie
from app.lab.claim import Claim
from backends import ConfigurationError

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, CDPSession, Page

PROGRAMS = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")
"""Where Debian has it, and what others call it; the first that is there is taken."""

ARGUMENTS = ("--no-sandbox", "--disable-quic", "--disable-background-networking")

_SENT = "Network.requestWillBeSent"
_SENT_RAW = "Network.requestWillBeSentExtraInfo"
_ANSWERED_RAW = "Network.responseReceivedExtraInfo"
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

Outcome = TypeVar("Outcome")
Event = dict[str, Any]


@contextmanager
def chromium() -> Iterator[MakeBrowser]:
    """Makes real browsers, each with a profile of its own, until the block ends.

    A browser that served without an error serves again, with no cookies, after the block.
    Raises `ConfigurationError` with one line where something of it is not installed.
    """
    playwright = _playwright()
    lent: list[Chromium] = []

    def make() -> Chromium:
        lent.append(playwright.idle.pop() if playwright.idle else Chromium(playwright))
        return lent[-1]

    try:
        yield make
    except BaseException:
        for browser in lent:
            browser.close()
        raise
    for browser in lent:
        browser.forget()
    playwright.idle += lent


@contextmanager
def open_browsers(claim: Claim, *, in_chromium: bool) -> Iterator[MakeBrowser]:
    """What makes the browsers of a claim's visitors: Chromium only where it matters."""
    if in_chromium and claim.in_chromium:
        with chromium() as make_browser:
            yield make_browser
    else:
        yield Browser


class Chromium:
    """One browser. It has one tab, so its requests come one after another."""

    def __init__(self, playwright: "_Playwright") -> None:
        self._playwright = playwright
        # The last of its processes may still write while the folder is being removed.
        self._profile = tempfile.TemporaryDirectory(
            prefix="session-lab-chromium-", ignore_cleanup_errors=True
        )
        self._tab = self._open()

    @property
    def jar(self) -> list[Cookie]:
        """The cookies that it holds. It does not tell when they were made, nor a missing SameSite
        from Lax."""
        return [_cookie(dict(told)) for told in self._playwright.do(self._tab.context.cookies())]

    def get(self, url: str) -> Exchange:
        """Type an address. Raises `TimeoutError` where no answer comes within 10 s."""
        return self._playwright.do(self._tab.type_address(url))

    def post(self, url: str, data: Mapping[str, str] | bytes = b"") -> Exchange:
        """Submit a form from a page at the same address. The rest is as with `get`.

        Raises `ValueError` for bytes, which no form sends as they are.
        """
        if isinstance(data, bytes) and data:
            raise ValueError("a form of a real browser sends fields, not bytes as they are")
        return self._playwright.do(self._tab.submit(url, dict(data or {})))

    def document_cookie(self, url: str) -> str:
        """What a script on the page at `url` reads from `document.cookie`."""
        return self._playwright.do(self._tab.document_cookie(url))

    def restart(self) -> None:
        """Close the browser, and open it again with the same profile."""
        self._playwright.do(self._tab.context.close())
        self._tab = self._open()

    def forget(self) -> None:
        """Have no cookies."""
        self._playwright.do(self._tab.context.clear_cookies())

    def close(self) -> None:
        """Close the browser for good, and remove its profile."""
        self._playwright.do(self._tab.context.close())
        self._profile.cleanup()

    def _open(self) -> "_Tab":
        return self._playwright.do(self._playwright.open(self._profile.name))


class _Playwright:
    """Playwright, in a thread of its own: it belongs to one, and whoever calls may be another."""

    def __init__(self) -> None:
        from playwright.async_api import async_playwright

        self.idle: list[Chromium] = []
        """Browsers that are open, and nobody’s."""
        self._program = _program()
        self._loop = asyncio.new_event_loop()
        # The driver may be ended with us, by a terminal: who waits for it is told by his own call.
        self._loop.set_exception_handler(lambda *_: None)
        Thread(target=self._loop.run_forever, name="chromium", daemon=True).start()
        self._api = self.do(async_playwright().start())

    def do(self, work: Coroutine[Any, Any, Outcome]) -> Outcome:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def open(self, profile: str) -> "_Tab":
        context = await self._api.chromium.launch_persistent_context(
            profile, executable_path=self._program, args=ARGUMENTS, headless=True
        )
        page = context.pages[0]
        tab = _Tab(context, page, await context.new_cdp_session(page))
        await tab.watch()
        return tab

    def close(self) -> None:
        for browser in self.idle:
            browser.close()
        self.do(self._api.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)


@cache
def _playwright() -> _Playwright:
    """The one of this process: it takes longer to start than a browser does."""
    check()
    playwright = _Playwright()
    atexit.register(playwright.close)
    return playwright


def check() -> None:
    """Whether there is all that a real browser takes; none is started.

    Raises `ConfigurationError` with one line that says what is not installed.
    """
    _program()
    try:
        import playwright.async_api  # noqa: F401
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "A real browser is driven by Playwright: pip install 'session-lab[chromium]'."
        ) from error


def _program() -> str:
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        raise ConfigurationError("A real browser needs Chromium: apt-get install chromium.")
    return found


class _Tab:
    """The browser's tab, and what its DevTools tell of it."""

    def __init__(self, context: "BrowserContext", page: "Page", devtools: "CDPSession") -> None:
        self.context = context
        self._page = page
        self._devtools = devtools
        self._staged: str | None = None
        self._told: list[tuple[str, Event]] = []
        self._news = asyncio.Event()

    async def watch(self) -> None:
        for name in (_SENT, _SENT_RAW, _ANSWERED_RAW, _FINISHED, _FAILED):
            self._devtools.on(name, partial(self._hear, name))
        self._devtools.on("Fetch.requestPaused", self._decide)
        await self._devtools.send("Network.enable")
        await self._devtools.send("Fetch.enable")

    async def type_address(self, url: str) -> Exchange:
        self._told.clear()
        await self._devtools.send("Page.navigate", {"url": url})
        return await self._exchange()

    async def submit(self, url: str, fields: Mapping[str, str]) -> Exchange:
        await self._stage(url)
        self._told.clear()
        await self._page.evaluate(_SUBMIT, [url, fields])
        return await self._exchange()

    async def document_cookie(self, url: str) -> str:
        await self._stage(url)
        return str(await self._page.evaluate("document.cookie"))

    async def _stage(self, url: str) -> None:
        """Open an empty page at an address, without asking its server."""
        self._staged = url
        await self._page.goto(url)
        self._staged = None

    async def _decide(self, event: Event) -> None:
        """What becomes of a request, before it is sent."""
        request = {"requestId": event["requestId"]}
        abort = {**request, "errorReason": "Aborted"}
        if event["resourceType"] != "Document":
            await self._send_unless_gone("Fetch.failRequest", abort)
        elif "redirectedRequestId" in event:
            await self._devtools.send("Fetch.failRequest", abort)
        elif event["request"]["url"] == self._staged:
            html = [{"name": "Content-Type", "value": "text/html; charset=utf-8"}]
            page = {"responseCode": 200, "responseHeaders": html}
            await self._devtools.send("Fetch.fulfillRequest", {**request, **page})
        else:
            await self._devtools.send("Fetch.continueRequest", request)

    async def _send_unless_gone(self, command: str, values: Event) -> None:
        """Say it of something that a page asked for, which goes when the tab leaves the page.

        Playwright would raise the error of a handler in whatever call of it comes next.
        """
        from playwright.async_api import Error

        with suppress(Error):
            await self._devtools.send(command, values)

    def _hear(self, name: str, event: Event) -> None:
        if event.get("type", "Document") == "Document":  # and not an icon that a page would have
            self._told.append((name, event))
            self._news.set()

    async def _exchange(self) -> Exchange:
        """The first of the navigation that has begun: a redirect's second request is not sent."""
        navigation = await self._first(_SENT)
        request_id = navigation["requestId"]
        sent = await self._first(_SENT_RAW, of=request_id)
        answer = await self._first(_ANSWERED_RAW, of=request_id)
        await self._first(_FINISHED, _FAILED, of=request_id)
        return Exchange(
            method=navigation["request"]["method"],
            url=navigation["request"]["url"],
            request_headers=_headers(sent["headers"]),
            status=answer["statusCode"],
            headers=_headers(answer["headers"]),
            body=await self._body(request_id),
            refused=tuple(map(_refused, answer["blockedCookies"])),
        )

    async def _first(self, *names: str, of: str | None = None) -> Event:
        async with asyncio.timeout(TIMEOUT):
            while True:
                for name, event in self._told:
                    if name in names and of in (None, event["requestId"]):
                        return event
                self._news.clear()
                await self._news.wait()

    async def _body(self, request_id: str) -> bytes:
        if _FINISHED not in [n for n, event in self._told if event["requestId"] == request_id]:
            return b""
        told = await self._devtools.send("Network.getResponseBody", {"requestId": request_id})
        body = str(told["body"])
        return b64decode(body) if told["base64Encoded"] else body.encode()


def _headers(told: Mapping[str, str]) -> Headers:
    """One field for each line: DevTools join the fields of a name by line feeds."""
    return tuple((name, line) for name, lines in told.items() for line in lines.split("\n"))


def _refused(blocked: Event) -> Refused:
    name = str(blocked["cookieLine"]).partition("=")[0].strip()
    return Refused(name, f"Chromium says {', '.join(blocked['blockedReasons'])}")


def _cookie(told: Mapping[str, Any]) -> Cookie:
    return Cookie(
        name=told["name"],
        value=told["value"],
        domain=told["domain"].removeprefix("."),
        host_only=not told["domain"].startswith("."),
        path=told["path"],
        expires=None if told["expires"] == -1 else told["expires"],
        secure=told["secure"],
        http_only=told["httpOnly"],
        same_site=told["sameSite"],
        partitioned="partitionKey" in told,
        created=0.0,
    )
