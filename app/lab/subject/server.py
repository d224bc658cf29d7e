"""The HTTP server that a subject runs behind: one thread a request, on a port of loopback."""

import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler


class _QuietHandler(WSGIRequestHandler):
    """Says nothing of each request."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Keep the terminal for the verdicts."""


class _DrainingServer(ThreadedWSGIServer):
    """Waits for the requests under way when it is closed: none outlives its experiment."""

    daemon_threads = False

    def __init__(self, port: int, app: Flask) -> None:
        self._open: set[socket.socket] = set()
        super().__init__("127.0.0.1", port, app, handler=_QuietHandler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        # A real browser opens connections that it may need later, and no request ever comes.
        for connection in list(self._open):
            with suppress(OSError):  # it ended this moment
                connection.shutdown(socket.SHUT_RD)
        super().server_close()


class ApplicationServer:
    """One application on a port of loopback, a thread for each request."""

    def __init__(self, app: Flask, port: int) -> None:
        server = _DrainingServer(port, app)
        self._server: _DrainingServer | None = server
        self.port = server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Take no more requests. A second call does nothing."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            self._thread.join()


def behind_tls(application: Callable[..., Any]) -> Callable[..., Any]:
    """What a server that ends TLS says of a request, before the application sees it."""

    def call(environ: dict[str, Any], start_response: Any) -> Any:
        return application({**environ, "wsgi.url_scheme": "https"}, start_response)

    return call
