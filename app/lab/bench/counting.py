"""What a request does, counted: calls in Python, what Redis is sent, operations on files.

Counts depend on no clock: two runs of the same code count the same.
"""

import cProfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median_low

from app.lab.bench.candidate import OPERATIONS
from app.lab.bench.results import Count
from app.lab.bench.trial import Client, Trial
from app.lab.stores.files import FilesHarness
from app.lab.stores.redis import RealRedisHarness

TRIALS = 9
"""Of these the median counts: by chance a login is not the first in its folder, or sweeps one."""

TRAFFIC = """
local stats, read = redis.call('INFO', 'stats'), {}
for place, name in ipairs({'total_writes_processed', 'net_input_bytes', 'net_output_bytes'}) do
    read[place] = string.format('%020d', string.match(stats, name .. ':(%d+)'))
end
return read
"""
"""Answers, and bytes to Redis and from it. Its own answer always has as many bytes."""

Request = Callable[[], object]


def count_requests(trial: Trial) -> Iterator[Count]:
    """Count several requests of each operation, each for what it shows."""
    url = trial.redis.settings["REDIS_URL"] if trial.redis else None  # it records what comes by TCP
    client = Client(trial.candidate.make(trial.shape, str(trial.folder), url))
    for operation in OPERATIONS:
        prepare = partial(client.prepare, operation)
        prepare()()  # what is done once is done
        answer = prepare()()
        on_redis = _count_on_redis(prepare(), prepare(), trial.redis)
        yield Count(
            *(trial.candidate.name, *trial.shape, operation),
            median_low(_count_python_calls(prepare()) for _ in range(TRIALS)),
            *on_redis,
            median_low(_count_file_calls(prepare(), trial.folder) for _ in range(TRIALS)),
            answer.cookie_bytes,
            answer.set_cookie_bytes,
        )


def _count_python_calls(request: Request) -> int:
    """All calls of a request, those of functions in C included."""
    profile = cProfile.Profile()
    profile.runcall(request)
    return sum(each.callcount for each in profile.getstats())


def _count_on_redis(
    first: Request, second: Request, redis: RealRedisHarness | None
) -> tuple[int, int, int, int]:
    """Commands of the first; round trips, bytes to Redis and from it of the second."""
    if redis is None:
        return 0, 0, 0, 0
    with redis.record_operations() as commands:
        first()
    trips, sent, received = _count(second, lambda: [*map(int, redis.client.eval(TRAFFIC, 0))])
    return len(commands), trips, sent, received


def _count_file_calls(request: Request, folder: Path) -> int:
    """What Python audits, as an opened file, and the kernel's reads and writes."""
    with FilesHarness(folder).record_operations() as operations:
        # The harness records every thread but its own.
        with ThreadPoolExecutor(1) as thread:
            calls = thread.submit(_count, request, _read_system_calls).result()
        return len(operations) + sum(calls)


def _count(request: Request, read: Callable[[], Sequence[int]]) -> list[int]:
    """How far a request moves what is read, less what it takes to read it."""
    first, before = read(), read()
    request()
    return [c - b - (b - a) for a, b, c in zip(first, before, read(), strict=True)]


def _read_system_calls() -> list[int]:
    """Of this thread, to read and to write (proc(5)); none where the system does not tell."""
    try:
        lines = Path("/proc/thread-self/io").read_text().splitlines()
    except OSError:
        return []
    return [int(line.split()[1]) for line in lines if line.startswith("sysc")]
