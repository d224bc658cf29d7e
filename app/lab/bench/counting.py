"""What a request does, counted: calls in Python, what Redis is sent, operations on files.

Counts depend on no clock: two runs of the same code count the same.
"""

import cProfile
import pstats
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from statistics import median_low
from threading import Thread
from typing import Self

import hiredis

from app.lab.bench.candidate import Candidate, Shape
from app.lab.bench.results import Count
from app.lab.bench.timing import BenchClient
from app.lab.stores.files import FilesHarness

CHUNK_BYTES = 1 << 20

TRIALS = 9
"""Of these the median counts: by chance a login is not the first in its folder, or sweeps one."""


class RedisWire:
    """Passes on what a client and a Redis send each other, and counts it.

    `INFO commandstats` counts what a script does, too, and knows of no round trip.
    """

    def __init__(self, upstream: Path, folder: Path) -> None:
        self._upstream = str(upstream)
        # A name of its own: a client that is kept for an address is not kept for another wire.
        self._path = folder / f"wire-{token_hex(4)}"
        self._entrance = socket.socket(socket.AF_UNIX)
        self.reset()

    @property
    def url(self) -> str:
        return f"unix://{self._path}"

    def reset(self) -> None:
        self.commands = self.round_trips = self.sent = self.received = 0
        self._is_waiting = False

    def __enter__(self) -> Self:
        self._entrance.bind(str(self._path))
        self._entrance.listen()
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._entrance.shutdown(socket.SHUT_RDWR)
        self._entrance.close()
        self._path.unlink()

    def _accept(self) -> None:
        with suppress(OSError):  # the entrance is closed
            while True:
                client, _ = self._entrance.accept()
                Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        reader = hiredis.Reader()
        with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):
            server.connect(self._upstream)
            Thread(target=self._carry_back, args=(server, client), daemon=True).start()
            while data := client.recv(CHUNK_BYTES):
                reader.feed(data)
                while reader.gets() is not False:
                    self.commands += 1
                self.sent += len(data)
                self.round_trips += not self._is_waiting
                self._is_waiting = True
                server.sendall(data)
            server.shutdown(socket.SHUT_RDWR)

    def _carry_back(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(CHUNK_BYTES):
                self.received += len(data)  # before the client can have it
                self._is_waiting = False
                client.sendall(data)


def count_request(
    candidate: Candidate,
    shape: Shape,
    operation: str,
    client: BenchClient,
    folder: Path,
    wire: RedisWire | None,
) -> Count:
    """Count requests of the client, each for what it shows; `folder` has the files."""
    client.time_once(operation)  # what is done once is done
    cookie = client.cookie_for(operation)
    if wire:
        wire.reset()
    answer = client.ask(operation, cookie)
    on_wire = (wire.commands, wire.round_trips, wire.sent, wire.received) if wire else (0, 0, 0, 0)
    return Count(
        *(candidate.name, *shape, operation),
        median_low(_count_python_calls(client, operation) for _ in range(TRIALS)),
        *on_wire,
        median_low(_count_file_calls(client, operation, folder) for _ in range(TRIALS)),
        len(cookie or ""),
        answer.set_cookie_bytes,
    )


def _count_python_calls(client: BenchClient, operation: str) -> int:
    """All calls of a request, those of functions in C included."""
    cookie = client.cookie_for(operation)
    profile = cProfile.Profile()
    profile.runcall(client.ask, operation, cookie)
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]  # not in typeshed


def _count_file_calls(client: BenchClient, operation: str, folder: Path) -> int:
    """What Python audits, as an opened file, and the kernel's reads and writes."""
    cookie = client.cookie_for(operation)
    with FilesHarness(folder).record_operations() as operations, ThreadPoolExecutor(1) as thread:
        # The harness records every thread but its own.
        counted = thread.submit(_count_reads_and_writes, lambda: client.ask(operation, cookie))
        return counted.result() + len(operations)


def _count_reads_and_writes(act: Callable[[], object]) -> int:
    """The system calls of this thread (proc(5)); 0 where the system does not tell."""
    begun, idle = _read_counter(), _read_counter()
    act()
    return max(0, _read_counter() - idle - (idle - begun))


def _read_counter() -> int:
    try:
        lines = Path("/proc/thread-self/io").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("sysc"))
