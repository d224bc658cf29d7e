"""A login and a read beside 100 000 stored sessions, against the same beside 100."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from backends.filesystem import FileSystemStore
from backends.redis import RedisStore
from backends.store import Store
from tests.soak.conftest import Say
from tests.support.services import RedisServer

SMALL_STORE, LARGE_STORE = 100, 100_000
SAMPLES = 2000
FIELDS = {"user": '"alice"', "logged_in": "true"}
MAX_RATIO = 1.3
"""Of the time with a large store to the time with a small one."""


def test_files_do_not_slow_down(tmp_path: Path, say: Say) -> None:
    check("filesystem", FileSystemStore(tmp_path / "sessions"), say)


def test_redis_does_not_slow_down(redis_server: RedisServer, say: Say) -> None:
    with redis_server.client() as client:
        client.flushall()
        check("redis", RedisStore(client), say)


def check(name: str, store: Store, say: Say) -> None:
    fill(store, 0, SMALL_STORE)
    small = login(store, LARGE_STORE), read(store, SMALL_STORE)
    fill(store, SMALL_STORE, LARGE_STORE)
    large = login(store, LARGE_STORE + SAMPLES), read(store, LARGE_STORE)
    for what, before, after in zip(("login", "read"), small, large, strict=True):
        ratio = after / before
        say(
            f"{what} beside {SMALL_STORE} and {LARGE_STORE} sessions on {name}",
            before=f"{before * 1e6:.0f} µs",
            after=f"{after * 1e6:.0f} µs",
            ratio=f"{ratio:.2f}",
        )
        assert ratio <= MAX_RATIO


def key(number: int) -> str:
    return f"{number * 2654435761 % 2**32:08x}{number:056x}"


def fill(store: Store, first: int, last: int) -> None:
    for number in range(first, last):
        store.create(key(number), FIELDS, 3600)


def login(store: Store, first: int) -> float:
    return measure_median(lambda n: store.create(key(first + n), FIELDS, 3600))


def read(store: Store, stored: int) -> float:
    return measure_median(lambda n: store.load(key(n * 7919 % stored)))


def measure_median(act: Callable[[int], object]) -> float:
    """The median time of a call, in seconds."""
    times = []
    for number in range(SAMPLES):
        begun = time.perf_counter()
        act(number)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)
