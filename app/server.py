"""The server of `session-lab run`: gunicorn, by default with threads in one process."""

import errno
import logging
import os
import re
import selectors
import signal
import socket
import sys
import time
from contextlib import suppress
from functools import partial
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.workers import gthread

from app.config import GIVE_AN_ADDRESS, PRODUCTION, is_embedded
from app.state import state_of, with_mounted
from app.web.log import log_disabled
from backends import (
    BACKENDS,
    Backend,
    ConfigurationError,
    StoreUnavailable,
    find_backend,
    find_risk,
)
from backends.audit_log import log_event

THREADS = 8

MAX_HEADER_BYTES = 16 * 1024
"""Gunicorn's own limit for one header, 8190 bytes, is below what three full cookies need."""

GRACEFUL_TIMEOUT_SECONDS = 5
"""For the requests in progress at the end; Docker kills a container after ten seconds."""

SILENT_CONNECTION_TIMEOUT_SECONDS = 0.5
"""Browsers open connections in advance; at the end of the process each may stay for this long."""

MAX_ARRIVING_BYTES = 2 * 1024 * 1024
"""Of a request whose end is waited for: more than any that the application takes."""

CHUNK_BYTES = 64 * 1024

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LENGTH_REQUIRED = b"HTTP/1.1 411 Length Required\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class ArrivingRequest:
    """The bytes of a request as they come, and whether they are all there."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._end: int | None = None
        """Where it ends, once its head is there."""

    def add(self, data: bytes) -> bytes | None:
        """Take more bytes. Returns what to answer at once, if the client waits for that."""
        looked_at = max(0, len(self.data) - 3)
        self.data += data
        if self._end is not None:
            return None
        end = self.data.find(b"\r\n\r\n", looked_at)
        return None if end < 0 else self._read_head(end)

    @property
    def is_whole(self) -> bool:
        """Whether head and body are there, or nobody will read the body."""
        return self._end is not None and len(self.data) >= self._end

    @property
    def is_too_large(self) -> bool:
        return not self.is_whole and len(self.data) > MAX_ARRIVING_BYTES

    def _read_head(self, end: int) -> bytes | None:
        head = bytes(self.data[: end + 2]).lower()
        length = _LENGTH.search(head)
        body = int(length[1]) if length else 0
        # A larger body is refused by the application, which does not read it.
        self._end = end + 4 + (body if body <= MAX_ARRIVING_BYTES else 0)
        if b"\r\ntransfer-encoding:" in head:
            return LENGTH_REQUIRED  # nobody could say when it is all there
        return CONTINUE if b"\r\nexpect: 100-continue" in head and not self.is_whole else None


class Worker(gthread.ThreadWorker):
    """Gunicorn's thread worker, with a time limit for requests, which exits at once on Ctrl-C.

    A request takes a thread once it is all there: gunicorn's own worker gives one to whoever has
    sent a byte, for as long as it takes, so that as many half requests as threads stop everything.
    Gunicorn's own signal handler takes a lock that the interrupted code may hold.
    """

    poller: Any  # gunicorn's own type says `None` until the process has begun

    def accept(self, listener: socket.socket) -> None:
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # another worker was faster, or the client has gone
        self.nr_conns += 1
        self._await_request(gthread.TConn(self.cfg, client, address, listener.getsockname()))

    def on_client_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """Read the next request on a connection that was kept."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await_request(conn)

    def on_pending_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """Read what has come of a request."""
        try:
            data = client.recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._receive(conn, data)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Keep the connection or close it; the begin of another request may be there already."""
        ended_well = not fs.cancelled() and fs.exception() is None and fs.result() is True
        more = conn.parser.unreader.take_buffered() if ended_well else b""
        super().finish_request(conn, fs)
        if more and conn in self.keepalived_conns:
            self.poller.unregister(conn.sock)
            self.keepalived_conns.remove(conn)
            self._await_request(conn)
            self._receive(conn, more)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, time.monotonic() + SILENT_CONNECTION_TIMEOUT_SECONDS)

    def _await_request(self, conn: Any) -> None:
        conn.sock.setblocking(False)
        # From its first byte, or from the connection on: bytes that come one by one gain no time.
        conn.timeout = time.monotonic() + self.wsgi.config["REQUEST_SECONDS"]
        conn.arriving = ArrivingRequest()
        self.pending_conns.append(conn)  # gunicorn closes those whose time is up
        on_readable = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, on_readable)

    def _receive(self, conn: Any, data: bytes) -> None:
        answer = conn.arriving.add(data)
        if answer:
            with suppress(OSError):
                conn.sock.send(answer)
        if not data or answer == LENGTH_REQUIRED or conn.arriving.is_too_large:
            self._leave_pending(conn)
            self.nr_conns -= 1
            conn.close()
        elif conn.arriving.is_whole:
            self._leave_pending(conn)
            conn.init()
            conn.data_ready = True
            conn.parser.unreader.unread(bytes(conn.arriving.data))
            self.enqueue_req(conn)

    def _leave_pending(self, conn: Any) -> None:
        self.poller.unregister(conn.sock)
        self.pending_conns.remove(conn)

    def is_parent_alive(self) -> bool:
        """Whether gunicorn's first process runs; if it was killed, no worker got its signal."""
        is_alive = bool(super().is_parent_alive())
        if not is_alive:
            self.handle_exit(signal.SIGTERM, None)
        return is_alive

    def init_signals(self) -> None:
        """As gunicorn's, but leave it to the first process what the end of a terminal means."""
        super().init_signals()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def handle_quit(self, _signal: int, _frame: object) -> None:
        os._exit(0)


class Server(BaseApplication):
    """Gunicorn with this application's settings instead of a configuration file.

    The application is created before the workers, so that they share it and an invalid setting is
    reported once.
    """

    def __init__(self, app: Flask, listener: socket.socket) -> None:
        self.app = app
        self.descriptor = listener.detach()
        self.outlives_terminal = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # as by nohup
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": f"fd://{self.descriptor}",
            "workers": self.app.config["WEB_CONCURRENCY"],
            "worker_class": Worker,
            "threads": THREADS,
            "limit_request_field_size": MAX_HEADER_BYTES,
            "graceful_timeout": GRACEFUL_TIMEOUT_SECONDS,
            "loglevel": "error",
            "control_socket_disable": True,
            # Gunicorn believes these of any client on loopback: ProxyFix reads what a proxy says.
            "forwarder_headers": "",
            "secure_scheme_headers": {},
            "when_ready": self._begin,
        }
        assert self.cfg is not None
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self.app

    def _begin(self, arbiter: Any) -> None:
        signal.signal(signal.SIGHUP, partial(self._handle_hangup, arbiter))
        log_new_accounts(self.app)
        print(format_greeting(self.app), flush=True)

    def _handle_hangup(self, arbiter: Any, _signal: int, frame: object) -> None:
        """End when the terminal is closed, unless it was started to outlive that.

        Gunicorn would start other workers, and serve on where nobody sees it: they have the same
        settings, and none of the sessions in an embedded Redis.
        """
        if not self.outlives_terminal:
            arbiter.signal(signal.SIGTERM, frame)


def serve(app: Flask) -> None:
    """Check the services, print the address and serve until a signal stops it.

    Raises `ConfigurationError` with one line if it cannot start.
    """
    with log_disabled(logging.ERROR):  # a failure is reported once, by the error that ends this
        _check_services(app)
    gthread.DEFAULT_WORKER_DATA_TIMEOUT = SILENT_CONNECTION_TIMEOUT_SECONDS
    Server(app, _listen(app.config["HOST"], app.config["PORT"])).run()


def log_new_accounts(app: Flask) -> None:
    """Log it if no account has a change: a file that got lost would be missed otherwise."""
    for application in with_mounted(app):
        if state_of(application).accounts_begin_anew:
            log_event(application, "accounts begin anew", file=str(app.config["ACCOUNTS_FILE"]))


def format_greeting(app: Flask) -> str:
    """The lines to print at the start: what is served, and where."""
    name, host = app.config["SESSION_BACKEND"], app.config["HOST"]
    what = BACKENDS[name].title if name else "every backend, side by side"
    address = f"[{host}]" if ":" in host else host
    lines = [f"Session Lab ({what}): http://{address}:{app.config['PORT']}"]
    if app.config["APP_PROFILE"] == PRODUCTION:
        names = ", ".join(app.config["ALLOWED_HOSTS"])
        lines.append(f"It answers by HTTPS only, to these names: {names}. Open it by its proxy.")
    if is_embedded(app.config):
        lines.append("Redis is embedded: those sessions are gone when this process ends.")
    return "\n".join(lines)


def _check_services(app: Flask) -> None:
    for application in with_mounted(app):
        backend = find_backend(application)
        if backend is None or backend.needs is None or backend.check is None:
            continue
        try:
            with application.app_context():
                backend.check(application)
                if risk := find_risk(application):
                    print(f"Warning: {risk}", file=sys.stderr, flush=True)
        except StoreUnavailable as error:
            reason = error.reason.rstrip(".")
            raise ConfigurationError(
                _explain_failure(backend, reason, app.config["REDIS_URL"])
            ) from error


def _explain_failure(backend: Backend, reason: str, redis_url: str) -> str:
    if not backend.on_redis:
        return f"{backend.needs}, which {backend.title} needs, cannot be used: {reason}. Start it."
    return (
        f"REDIS_URL={_hide_password(redis_url)} cannot be used: {reason}. "
        "Start or repair that Redis, or unset REDIS_URL for the embedded one."
    )


def _hide_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    credentials, _, address = rest.rpartition("@")
    return f"{scheme}://{'***@' if credentials else ''}{address.partition('?')[0]}"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"PORT={port}: another program listens on {host} there. "
                "Stop it, or set another PORT."
            ) from error
        reason = str(error.strerror).partition(" (")[0]  # Python 3.11 adds the address
        what_to_do = "Take a PORT from 1024 on." if error.errno == errno.EACCES else GIVE_AN_ADDRESS
        raise ConfigurationError(
            f"HOST={host} PORT={port}: cannot listen there ({reason}). {what_to_do}"
        ) from error
