"""What a request does, counted: calls in Python, what Redis is sent, operations on files.

Counts depend on no clock: two runs of the same code count the same.
"""

import cProfile
import pstats
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from secrets import token_hex
from select import select
from socket import AF_UNIX, socket
from socketserver import BaseRequestHandler, ThreadingUnixStreamServer
from statistics import median_low
from threading import Thread
from typing import Any, Self

import hiredis

from app.lab.bench.candidate import OPERATIONS, Candidate, Shape
from app.lab.bench.place import Place
from app.lab.bench.results import Count
from app.lab.bench.timing import log_in
from app.lab.stores.files import FilesHarness

CHUNK_BYTES = 1 << 20
POLL_SECONDS = 0.01
"""How long a wire goes on after its end."""

TRIALS = 9
"""Of these the median counts: by chance a login is not the first in its folder, or sweeps one."""


class RedisWire(ThreadingUnixStreamServer):
    """Passes on what a client and a Redis send each other, and counts it.

    `INFO commandstats` counts what a script does, too, and knows of no round trip.
    """

    daemon_threads = True

    def __init__(self, upstream: Path) -> None:
        self._upstream = str(upstream)
        self.reset()
        # A name of its own: a client that is kept for an address is not kept for another wire.
        path = upstream.with_name(f"wire-{token_hex(4)}")
        super().__init__(str(path), BaseRequestHandler)
        self.url = f"unix://{path}"

    def reset(self) -> None:
        self._commands = self._round_trips = self._sent = self._received = 0
        self._is_waiting = False

    def read(self) -> tuple[int, int, int, int]:
        """Commands, round trips, bytes to Redis and from it, since the last reset."""
        return self._commands, self._round_trips, self._sent, self._received

    def __enter__(self) -> Self:
        Thread(target=self.serve_forever, args=(POLL_SECONDS,), daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.shutdown()
        self.server_close()

    def finish_request(self, client: Any, _address: object) -> None:
        """Carry what both say until one of them has gone."""
        commands = hiredis.Reader()
        with socket(AF_UNIX) as redis:
            redis.connect(self._upstream)
            while True:
                for speaker in select([client, redis], [], [])[0]:
                    data = speaker.recv(CHUNK_BYTES)
                    if not data:
                        return
                    # Counted before the other can have it.
                    if speaker is client:
                        commands.feed(data)
                        while commands.gets() is not False:
                            self._commands += 1
                        self._sent += len(data)
                        self._round_trips += not self._is_waiting
                    else:
                        self._received += len(data)
                    self._is_waiting = speaker is client
                    (redis if speaker is client else client).sendall(data)

    def handle_error(self, _client: object, _address: object) -> None:
        """Do nothing: the client sees that its connection ended."""


def count_requests(candidate: Candidate, shape: Shape, place: Place) -> Iterator[Count]:
    """Count several requests of each operation, each for what it shows."""
    with RedisWire(place.server.socket) if place.server else nullcontext() as wire:
        wired = place._replace(redis_url=wire.url) if wire else place
        client = log_in(candidate.make(wired, shape))
        for operation in OPERATIONS:
            client.time_once(operation)  # what is done once is done
            cookie = client.cookie_for(operation)
            if wire:
                wire.reset()
            answer = client.ask(operation, cookie)
            on_redis = wire.read() if wire else (0, 0, 0, 0)
            yield Count(
                *(candidate.name, *shape, operation),
                median_low(_count_python_calls(client.prepare(operation)) for _ in range(TRIALS)),
                *on_redis,
                median_low(
                    _count_file_calls(client.prepare(operation), place) for _ in range(TRIALS)
                ),
                *(len(cookie or ""), answer.set_cookie_bytes),
            )


def _count_python_calls(request: Callable[[], object]) -> int:
    """All calls of a request, those of functions in C included."""
    profile = cProfile.Profile()
    profile.runcall(request)
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]  # not in typeshed


def _count_file_calls(request: Callable[[], object], place: Place) -> int:
    """What Python audits, as an opened file, and the kernel's reads and writes."""
    with FilesHarness(place.folder).record_operations() as operations:
        # The harness records every thread but its own.
        with ThreadPoolExecutor(1) as thread:
            counted = thread.submit(_count_reads_and_writes, request)
        return counted.result() + len(operations)


def _count_reads_and_writes(request: Callable[[], object]) -> int:
    """The system calls of this thread (proc(5)); 0 where the system does not tell."""
    before = _read_counter()
    idle = _read_counter() - before  # what it takes to read the counter
    request()
    return max(0, _read_counter() - before - 2 * idle)


def _read_counter() -> int:
    try:
        lines = Path("/proc/thread-self/io").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("sysc"))
