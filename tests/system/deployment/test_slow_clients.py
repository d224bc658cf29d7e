"""Clients that send half a request, do not read or do not hang up hold nobody up."""

import errno
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any
from unittest.mock import Mock
from urllib.request import urlopen

import pytest
from gunicorn.workers import gthread

from app.server import THREADS
from app.serving.arriving import MAX_ARRIVING_BYTES, ArrivingRequest
from app.serving.worker import Worker
from tests.support.covers import covers
from tests.support.services import PATIENCE, LabServer

pytestmark = pytest.mark.usefixtures("untraced_processes")

POST = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
HALF_REQUESTS = {
    "nothing": b"",
    "a byte": b"G",
    "half a head": b"GET / HTTP/1.1\r\nHost: x\r\n",
    "a body that is only announced": POST + b"\r\n",
    "a length behind zeros": POST.replace(b": 9", b": 00000000000000000009") + b"\r\nuser",
    "half a body": POST + b"\r\nuser",
    "a body that waits to be asked for": POST + b"Expect: 100-continue\r\n\r\n",
}
MANY = 100
"""Of each kind."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    environment = {"SESSION_BACKEND": "cookie", "REQUEST_SECONDS": "2"}
    with LabServer(tmp_path_factory.mktemp("slow"), environment) as server:
        yield server


def connect(server: LabServer, data: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
    if data:
        client.sendall(data)
    return client


LOGIN = b"username=alice&password=wonderland"


def head_of(length: int, more: str = "") -> bytes:
    """The head of a login whose form has that length."""
    return (
        "POST /login HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n{more}\r\n"
    ).encode()


def read_to_end(client: socket.socket) -> bytes:
    """What the server sends until it closes the connection."""
    received = b""
    with suppress(ConnectionResetError):
        while data := client.recv(1 << 16):
            received += data
    return received


def assert_it_answers(server: LabServer) -> None:
    for path in ("/healthz", "/", "/login"):
        with urlopen(f"{server.url}{path}", timeout=PATIENCE) as answer:
            assert answer.status == 200


@covers("15.2.2")
def test_many_half_requests_hold_nobody_up_and_are_closed(server: LabServer) -> None:
    with ExitStack() as stack:
        clients = [
            stack.enter_context(connect(server, half))
            for half in HALF_REQUESTS.values()
            for _ in range(MANY)
        ]
        begun = time.monotonic()
        assert_it_answers(server)
        # Had each of one kind a thread, pages would wait until the last of them are closed.
        assert time.monotonic() - begun < 2 * MANY / THREADS / 2
        for client in clients:
            assert read_to_end(client) in (b"", b"HTTP/1.1 100 Continue\r\n\r\n")
    assert_it_answers(server)


ENDING_REQUESTS = {
    "a last request": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "no request": b"hello\r\n\r\n",
}


@covers("15.2.2")
@pytest.mark.parametrize("last", ENDING_REQUESTS.values(), ids=ENDING_REQUESTS)
def test_clients_that_do_not_hang_up_hold_nobody_up(server: LabServer, last: bytes) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(server, last)) for _ in range(MANY)]
        for client in clients:
            assert client.recv(100).startswith(b"HTTP/1.1 ")
        assert_it_answers(server)


PAGE = b"GET /bootstrap/static/css/bootstrap.min.css HTTP/1.1\r\nHost: localhost\r\n"
"""The largest file."""

ANSWERS = 20
"""More than the system keeps for a client that does not read."""


@covers("15.2.2")
def test_clients_that_do_not_read_hold_nobody_up(server: LabServer) -> None:
    with ExitStack() as stack:
        for _ in range(2 * THREADS):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            client.connect(("127.0.0.1", server.port))
            client.sendall((PAGE + b"\r\n") * ANSWERS)
        assert_it_answers(server)


def test_answers_that_are_read_late_come_whole(server: LabServer) -> None:
    last = PAGE + b"Connection: close\r\n\r\n"
    with connect(server, (PAGE + b"\r\n") * (ANSWERS - 1) + last) as client:
        received = read_to_end(client)
    assert received.count(b"HTTP/1.1 200 OK") == ANSWERS
    length = int(received.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
    assert len(received) > ANSWERS * length


def test_bytes_that_come_one_by_one_gain_no_time(server: LabServer) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 10_000
    with connect(server, b"") as client:
        client.settimeout(0.05)
        for byte in head:
            try:
                client.sendall(bytes([byte]))
                if client.recv(1) == b"":
                    return
            except TimeoutError:
                continue
            except ConnectionError:
                return
    pytest.fail("it was never closed")


def test_the_begin_of_a_second_request_holds_no_thread(server: LabServer) -> None:
    whole = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with ExitStack() as stack:
        data = whole + b"GET /healthz HTTP/1.1\r\n"
        clients = [stack.enter_context(connect(server, data)) for _ in range(3 * THREADS)]
        assert_it_answers(server)
        for client in clients:
            assert read_to_end(client).count(b"HTTP/1.1 200 OK") == 1


def test_requests_behind_each_other_are_all_answered(server: LabServer) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    with connect(
        server, (request + b"\r\n") * 3 + request + b"Connection: close\r\n\r\n"
    ) as client:
        assert read_to_end(client).count(b"HTTP/1.1 200 OK") == 4


def test_a_request_in_pieces_is_answered(server: LabServer) -> None:
    request = head_of(len(LOGIN), "Connection: close\r\n") + LOGIN
    with connect(server, b"") as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for first in range(0, len(request), 7):
            client.sendall(request[first : first + 7])
        assert b"302 FOUND" in read_to_end(client)


def test_a_body_that_is_asked_for_is_taken(server: LabServer) -> None:
    head = head_of(len(LOGIN), "Expect: 100-continue\r\nConnection: close\r\n")
    with connect(server, head) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        client.sendall(LOGIN)
        assert b"302 FOUND" in read_to_end(client)


def test_a_body_without_a_length_is_refused(server: LabServer) -> None:
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx"
    with connect(server, head) as client:
        assert read_to_end(client).startswith(b"HTTP/1.1 411 Length Required\r\n")


def test_a_body_that_is_too_large_is_refused_without_being_waited_for(server: LabServer) -> None:
    with connect(server, head_of(MAX_ARRIVING_BYTES + 1)) as client:
        assert b"413 REQUEST ENTITY TOO LARGE" in read_to_end(client)


def arrive(*pieces: bytes) -> ArrivingRequest:
    arriving = ArrivingRequest()
    for piece in pieces:
        arriving.add(piece)
    return arriving


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        ((b"GET / HTTP/1.1\r\n\r\n",), True),
        ((b"GET / HTTP/1.1\r\n", b"\r\n"), True),
        ((b"GET / HTTP/1.1\r", b"\n\r", b"\n"), True),
        ((b"GET / HTTP/1.1\r\n",), False),
        ((b"POST / HTTP/1.1\r\ncontent-LENGTH:  3\r\n\r\nab",), False),
        ((b"POST / HTTP/1.1\r\ncontent-LENGTH:  3\r\n\r\nab", b"c"), True),
        ((b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcd",), True),
        ((b"POST / HTTP/1.1\r\nX: Content-Length: 3\r\n\r\n",), True),
        ((b"POST / HTTP/1.1\r\nContent-Length: %s3\r\n\r\nab" % (b"0" * 5_000),), False),
        ((b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",), True),
        ((b"POST / HTTP/1.1\r\nContent-Length: %s\r\n\r\n" % (b"9" * 5_000),), True),
    ],
)
def test_a_request_is_whole_with_its_body(pieces: Any, whole: bool) -> None:
    assert arrive(*pieces).is_whole == whole


def test_a_head_without_an_end_is_too_large_in_the_end() -> None:
    arriving = arrive(b"x" * MAX_ARRIVING_BYTES)
    assert not arriving.is_too_large
    arriving.add(b"x")
    assert arriving.is_too_large


def test_a_worker_takes_fewer_connections_than_it_can_open_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It dies when it can accept no more, and the sessions inside it with it."""
    limits = iter([256, 1 << 20, resource.RLIM_INFINITY])
    monkeypatch.setattr(resource, "getrlimit", lambda _: (next(limits), None))
    monkeypatch.setattr(gthread.ThreadWorker, "init_process", lambda _: None)
    worker = object.__new__(Worker)
    found = []
    for _ in range(3):
        worker.worker_connections = 1000
        worker.init_process()
        found.append(worker.worker_connections)
    assert found == [192, 1000, 1000]


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ECONNABORTED, errno.EMFILE, errno.ENFILE])
def test_a_connection_that_cannot_be_accepted_ends_no_worker(number: int) -> None:
    listener = Mock()
    listener.accept.side_effect = OSError(number, "")
    object.__new__(Worker).accept(listener)
