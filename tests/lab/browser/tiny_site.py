"""A web server on loopback that answers as it is told and notes what it receives."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass(frozen=True, slots=True)
class Reply:
    """A response; header values have one character an octet."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"<!doctype html><title>tiny</title>"
    endless: bool = False
    """Whether the body is sent again and again, until the client goes."""


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


@dataclass(slots=True)
class TinySite:
    """`replies` by target, an empty page for the rest; `received` in the order of arrival."""

    port: int = 0
    replies: dict[str, Reply] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)

    def url(self, target: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{target}"

    def sets(self, target: str, *set_cookies: str) -> None:
        """Reply requests for `target` with these Set-Cookie fields, octet by octet."""
        self.replies[target] = Reply(headers=tuple(("Set-Cookie", f) for f in set_cookies))

    def last(self, target: str) -> Received:
        return next(r for r in reversed(self.received) if r.target == target)


@contextmanager
def tiny_site() -> Iterator[TinySite]:
    """The site, up until the block ends."""
    site = TinySite()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, site))
    site.port = server.server_port
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, site: TinySite, *args: Any) -> None:
        self.site = site
        super().__init__(*args)

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.site.received.append(
            Received(self.command, self.path, tuple(self.headers.items()), body)
        )
        self._send(self.site.replies.get(self.path, Reply()))

    do_POST = do_GET  # noqa: N815

    def _send(self, answer: Reply) -> None:
        """By hand, because http.server may refuse the control characters that a test sends."""
        fields = [*answer.headers, ("Content-Type", "text/html")]
        if not answer.endless:
            fields.append(("Content-Length", str(len(answer.body))))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        self.wfile.write(
            f"HTTP/1.0 {answer.status} Told\r\n{head}\r\n".encode("latin-1") + answer.body
        )
        with suppress(OSError):
            while answer.endless:
                self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
