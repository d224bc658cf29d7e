"""Gunicorn's thread worker, in which no client holds up the others."""

import os
import resource
import selectors
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers import gthread

from app.serving.arriving import LENGTH_REQUIRED, ArrivingRequest

SILENT_CONNECTION_TIMEOUT_SECONDS = 0.5
"""Browsers open connections in advance; at the end of the process each may stay for this long."""

CHUNK_BYTES = 64 * 1024


class LeavingAnswer:
    """A connection's socket as gunicorn writes to it. It keeps what the client has not taken."""

    def __init__(self, client: socket.socket) -> None:
        self.client = client
        self.data = bytearray()

    def sendall(self, data: bytes) -> None:
        self.data += data

    send = sendall

    def setblocking(self, _blocks: bool) -> None:
        """Never wait for the client."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


def _read_some(client: socket.socket) -> bytes | None:
    """What has come: nothing if the client has gone, `None` if nothing has come yet."""
    try:
        return client.recv(CHUNK_BYTES)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _send_some(client: socket.socket, data: bytes | bytearray) -> bytes:
    """Send what the client takes at once. Returns the rest, or nothing if the client has gone."""
    try:
        return bytes(data[client.send(data) :])
    except BlockingIOError:
        return bytes(data)
    except OSError:
        return b""


class Worker(gthread.ThreadWorker):
    """Gunicorn's thread worker, in which no client holds a thread. It exits at once on Ctrl-C.

    A request has a thread from when it is all there until its answer is made. Gunicorn's own worker
    waits in the thread for bytes that come one by one and for who does not read, and in the loop
    that serves everybody for who does not hang up: a few such clients stop everything. Its signal
    handler takes a lock that the interrupted code may hold.
    """

    poller: Any  # gunicorn's own type says `None` until the process has begun

    def init_process(self) -> None:
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if descriptors != resource.RLIM_INFINITY:
            # A worker dies when it can accept no more. The rest is for files and services.
            self.worker_connections = min(self.worker_connections, descriptors * 3 // 4)
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        try:
            client, address = listener.accept()
        except OSError:
            # Another worker was faster, the client has gone, or the machine can open no more files:
            # raised here, it would end the worker.
            return
        self.nr_conns += 1
        conn: Any = gthread.TConn(self.cfg, client, address, listener.getsockname())
        conn.unsent = b""
        self._await_request(conn)

    def on_client_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """Read the next request on a connection that was kept."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await_request(conn)

    def on_pending_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """Read what has come of a request."""
        data = _read_some(client)
        if data is not None:
            self._receive(conn, data)

    def handle(self, conn: Any) -> Any:
        """Answer a request, in a thread."""
        answer = conn.sock = LeavingAnswer(conn.sock)
        try:
            return super().handle(conn)
        finally:
            conn.sock = answer.client
            conn.unsent = _send_some(conn.sock, answer.data)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Go on once the client has the answer, in the loop that serves everybody."""
        if conn.unsent:
            on_writable = partial(self.on_unsent_socket_writable, conn, fs)
            self._await_client(conn, selectors.EVENT_WRITE, on_writable)
        elif fs.cancelled() or fs.exception() is not None or fs.result() is not True:
            self._end(conn)
        else:
            self._keep(conn, fs)

    def on_unsent_socket_writable(self, conn: Any, fs: Any, client: socket.socket) -> None:
        """Send more of an answer."""
        self._leave_pending(conn)
        conn.unsent = _send_some(client, conn.unsent)
        self.finish_request(conn, fs)

    def on_ended_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """Drop what still comes, until the client hangs up."""
        data = _read_some(client)
        if data is None:
            return
        conn.dropped += len(data)
        if not data or conn.dropped > CHUNK_BYTES:
            self._leave_pending(conn)
            self._close(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, time.monotonic() + SILENT_CONNECTION_TIMEOUT_SECONDS)

    def _keepalive_after(self, conn: Any, keepalive: Any) -> bool:
        # Gunicorn would wait in the thread for a body that nobody reads.
        return bool(keepalive) and not conn.arriving.is_cut

    def _keep(self, conn: Any, fs: Any) -> None:
        """Keep the connection; the begin of another request may be there already."""
        more = conn.parser.unreader.take_buffered()
        super().finish_request(conn, fs)
        if more and conn in self.keepalived_conns:
            self.poller.unregister(conn.sock)
            self.keepalived_conns.remove(conn)
            self._await_request(conn)
            self._receive(conn, more)

    def _end(self, conn: Any) -> None:
        """Say that no more comes, and wait until the client hangs up, so that it loses nothing."""
        conn.dropped = 0
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:  # it has gone
            self._close(conn)
            return
        on_readable = partial(self.on_ended_socket_readable, conn)
        self._await_client(conn, selectors.EVENT_READ, on_readable)

    def _close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def _await_request(self, conn: Any) -> None:
        # From its first byte, or from the connection on: bytes that come one by one gain no time.
        conn.arriving = ArrivingRequest()
        on_readable = partial(self.on_pending_socket_readable, conn)
        self._await_client(conn, selectors.EVENT_READ, on_readable)

    def _await_client(self, conn: Any, event: int, callback: Callable[..., None]) -> None:
        """Wait until its socket is ready, without a thread and for a limited time."""
        conn.sock.setblocking(False)
        limit = self.wsgi.config["REQUEST_SECONDS"]
        seconds = limit if self.alive else SILENT_CONNECTION_TIMEOUT_SECONDS
        conn.timeout = time.monotonic() + seconds
        self.pending_conns.append(conn)  # gunicorn closes those whose time is up
        self.poller.register(conn.sock, event, callback)

    def _receive(self, conn: Any, data: bytes) -> None:
        answer = conn.arriving.add(data)
        if answer:
            with suppress(OSError):
                conn.sock.send(answer)
        if not data or answer == LENGTH_REQUIRED or conn.arriving.is_too_large:
            self._leave_pending(conn)
            self._close(conn)
        elif conn.arriving.is_whole:
            self._leave_pending(conn)
            conn.init()
            conn.sock.setblocking(False)
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
