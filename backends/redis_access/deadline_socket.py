"""A socket to Redis that keeps the deadline of a step.

It knows nothing of sessions and their records.
"""

import _socket
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any
from weakref import proxy

import hiredis
from redis.exceptions import InvalidResponse

Command = Sequence[bytes | str | int]

TIME_USED_UP = "the time for this step is used up"

READ_BYTES = 1 << 16
"""At most so many are read at once."""

PAUSE_SECONDS = 0.002
"""So often a wait is interrupted to look at the deadline. To set the time that is left as the
timeout of the socket before each wait costs a tenth of a session's read.

A signal, as a profiler sends many, ends a wait, and Python starts it again from the beginning: this
time is shorter than that between two signals.
"""

PAUSE = struct.pack("ll", 0, int(PAUSE_SECONDS * 1_000_000))
"""The same as a `timeval` of C."""

IS_TIMEVAL = len(PAUSE) == 16
"""Windows takes a number instead, and Linux on 32 bits one of several forms."""

PAUSES = (BlockingIOError, TimeoutError)
"""What an interrupted wait raises: the kernel's, and that of a timeout."""

INCOMPLETE = object()
"""Stands for an answer of which more is to come."""


class DeadlineSocket:
    """A socket that never waits for longer than its connection has time.

    A timeout of the socket alone starts again with every byte that arrives.
    """

    def __init__(self, connected: Any, connection: Any) -> None:
        self._socket = connected
        # It has this socket, and closes it when nobody has the connection any more: in a circle
        # the collector would come first, and warn of an open socket.
        self._connection = proxy(connection)
        self._is_polled = False
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse,
            replyError=connection._parser.parse_error,
            notEnoughData=INCOMPLETE,
        )
        # The kernel interrupts its own waits. A socket of TLS, or of a package that replaces
        # Python's, waits otherwise: its timeout does it.
        is_kernels = IS_TIMEVAL and type(connected).recv is _socket.socket.recv
        self._timeout = None if is_kernels else PAUSE_SECONDS
        if is_kernels:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, PAUSE)
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, PAUSE)

    def ask(self, command: Command, ends: float) -> Any:
        """The answer, or an error as an object, by that time of `time.monotonic` and one pause.

        redis-py's own way takes four times as long.
        """
        rest = hiredis.pack_command(command)  # type: ignore[arg-type]  # the stub knows one part
        wire, gets = self._socket, self._reader.gets
        if wire.gettimeout() != self._timeout:  # the greeting set another
            wire.settimeout(self._timeout)
        while True:
            try:
                rest = rest[wire.send(rest) :]
            except PAUSES:
                _check_time(ends)
                continue
            if not rest:
                break
            _check_time(ends)
        while True:
            try:
                received = wire.recv(READ_BYTES)
            except PAUSES:
                _check_time(ends)
                continue
            if not received:
                raise ConnectionError("the server closed the connection")
            self._reader.feed(received)
            if (answer := gets()) is not INCOMPLETE:
                return answer
            _check_time(ends)

    def recv(self, *arguments: Any) -> Any:
        self._socket.settimeout(self._seconds())
        return self._socket.recv(*arguments)

    def recv_into(self, buffer: Any) -> Any:
        self._socket.settimeout(self._seconds())
        return self._socket.recv_into(buffer)

    def sendall(self, data: Any) -> None:
        rest = memoryview(data)
        while rest:  # `sendall` of a TLS socket would start its timeout again with every part
            self._socket.settimeout(self._seconds())
            rest = rest[self._socket.send(rest) :]

    def settimeout(self, timeout: float | None) -> None:
        """0 lets it not wait at all; every other value means what the connection has left."""
        self._is_polled = timeout == 0

    def _seconds(self) -> float:
        return 0 if self._is_polled else self._connection.time_left()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


def _check_time(ends: float) -> None:
    """Raises `TimeoutError` if it is later."""
    if time.monotonic() >= ends:
        raise TimeoutError(TIME_USED_UP)
