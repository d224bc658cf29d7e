"""How a socket to Redis keeps a deadline, with a peer of the test's own at the other end."""

import gc
import signal
import socket
import time
from collections.abc import Iterator
from threading import Thread, Timer
from types import SimpleNamespace
from weakref import ref

import pytest
from redis import ResponseError

from backends.redis_access.deadline_socket import PAUSE_SECONDS, DeadlineSocket

LARGE = b"x" * (8 << 20)
"""More than the kernel takes before the peer reads."""

Ends = tuple[DeadlineSocket, socket.socket]

SOON = 15 * PAUSE_SECONDS
AMPLE = 60.0


class Connection(SimpleNamespace):
    """What a socket asks its connection for; it can have weak references."""


CONNECTION = Connection(_parser=SimpleNamespace(parse_error=ResponseError))


@pytest.fixture
def ends() -> Iterator[Ends]:
    """The socket, and the peer's end of it."""
    own, peer = socket.socketpair()
    with own, peer:
        yield DeadlineSocket(own, CONNECTION), peer


def in_seconds(seconds: float) -> float:
    return time.monotonic() + seconds


@pytest.mark.parametrize("is_timeval", [True, False])
def test_a_silent_peer_has_the_deadline(monkeypatch: pytest.MonkeyPatch, is_timeval: bool) -> None:
    """Where the kernel's form of a time is another, Python waits."""
    monkeypatch.setattr("backends.redis_access.deadline_socket.IS_TIMEVAL", is_timeval)
    own, peer = socket.socketpair()
    with own, peer:
        sock, deadline = DeadlineSocket(own, CONNECTION), in_seconds(SOON)
        assert (
            own.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16) != bytes(16)
        ) is is_timeval
        with pytest.raises(TimeoutError):
            sock.ask(("PING",), deadline)
        assert time.monotonic() >= deadline


def test_a_profiler_s_signals_do_not_put_it_off(ends: Ends) -> None:
    _, peer = ends
    answer = Timer(AMPLE, peer.sendall, [b"+OK\r\n"])  # ends the wait that nothing else does
    answer.start()
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        with pytest.raises(TimeoutError):
            ends[0].ask(("PING",), in_seconds(SOON))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        answer.cancel()


def test_a_peer_that_reads_nothing_has_until_the_deadline(ends: Ends) -> None:
    with pytest.raises(TimeoutError):
        ends[0].ask(("SET", "key", LARGE), in_seconds(SOON))


def test_what_is_read_and_answered_late_arrives_whole(ends: Ends) -> None:
    sock, peer = ends
    arrived = bytearray()

    def read_late() -> None:
        time.sleep(SOON)  # the sender's wait is interrupted meanwhile
        while not arrived.endswith(LARGE[-100:] + b"\r\n"):
            arrived.extend(peer.recv(1 << 20))
        for part in (b"+O", b"K\r\n"):
            time.sleep(SOON)  # and so is the wait for the answer
            peer.sendall(part)

    thread = Thread(target=read_late)
    thread.start()
    assert sock.ask(("SET", "key", LARGE), in_seconds(AMPLE)) == b"OK"
    thread.join()
    assert arrived.count(b"x") == len(LARGE)


def test_nothing_keeps_a_connection_but_who_uses_it() -> None:
    own, peer = socket.socketpair()
    with own, peer:
        connection = Connection(_parser=CONNECTION._parser)
        connection.sock = DeadlineSocket(own, connection)
        kept = ref(connection)
        gc.disable()
        try:
            del connection
            assert kept() is None
        finally:
            gc.enable()


def test_a_peer_that_hangs_up_is_no_late_answer(ends: Ends) -> None:
    sock, peer = ends
    peer.shutdown(socket.SHUT_WR)
    with pytest.raises(ConnectionError, match="closed the connection"):
        sock.ask(("PING",), in_seconds(AMPLE))
