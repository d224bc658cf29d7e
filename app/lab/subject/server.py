"""The HTTP server of a subject, with a thread for each request under way."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context
from threading import Thread
from typing import Any

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

MAX_REQUESTS = 256
"""So many are answered at once: more than all visitors of an experiment send."""


class _QuietHandler(WSGIRequestHandler):
    """Logs nothing: the terminal is for the verdicts."""

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


class ApplicationServer(ThreadedWSGIServer):
    """Serves an application on a port of loopback, by default a free one; many requests at once.

    Its threads are kept for later requests: starting one was a third of what a small page cost.
    """

    def __init__(self, app: Flask, port: int = 0) -> None:
        self._connections: set[socket.socket] = set()
        self._threads_of_requests = ThreadPoolExecutor(MAX_REQUESTS)
        super().__init__("127.0.0.1", port, app, handler=_QuietHandler)
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving; a request under way ends before that. A second call does nothing."""
        self.shutdown()
        self.server_close()
        self._thread.join()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        answer = self.process_request_thread
        # In a context of its own: what Flask leaves there is not for the thread's next request.
        self._threads_of_requests.submit(Context().run, answer, request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        # A real browser opens connections in advance, on which no request may ever come.
        for connection in list(self._connections):
            with suppress(OSError):  # it ended this moment
                connection.shutdown(socket.SHUT_RD)
        super().server_close()
        self._threads_of_requests.shutdown()


def behind_tls(application: Callable[..., Any]) -> Callable[..., Any]:
    """The WSGI application as it sees requests behind a server that terminates TLS."""

    def call(environ: dict[str, Any], start_response: Any) -> Any:
        return application({**environ, "wsgi.url_scheme": "https"}, start_response)

    return call
