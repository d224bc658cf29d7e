"""Sessions in great number: what one of them takes, and what they cost the others."""

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis import Redis

from app.lab.bench.candidate import Candidate, Shape
from app.lab.bench.place import Ground, Place
from app.lab.bench.results import Growth
from app.lab.bench.timing import BenchClient, log_in, time_in_turn

SESSIONS = 100
"""How many are stored to weigh one."""

BATCH = 1_000
REQUESTS = 40
BLOCK_BYTES = 512
"""Of `st_blocks`, whatever the file system's own are (stat(2))."""
POLL_SECONDS = 0.005


def weigh_session(candidate: Candidate, shape: Shape, place: Place, ground: Ground) -> int:
    """The bytes that one session takes on the server: of Redis memory, or allocated on the disk."""
    ask = candidate.make(place, shape)
    before = _weigh(candidate, place, ground)
    for _ in range(SESSIONS):
        ask("login", None)
    return (_weigh(candidate, place, ground) - before) // SESSIONS


def _weigh(candidate: Candidate, place: Place, ground: Ground) -> int:
    if candidate.on_redis:
        redis = redis_of(ground)
        return sum(redis.memory_usage(key, samples=0) or 0 for key in redis.scan_iter())
    return sum(path.stat().st_blocks * BLOCK_BYTES for path in _list_files(place.folder))


def measure_among(
    candidate: Candidate, shape: Shape, sessions: int, place: Place, ground: Ground
) -> Growth:
    """What so many stored sessions take, and what a login and a read cost beside them."""
    log_in(candidate.make(place, shape))
    if candidate.on_redis:
        taken = _take_memory(redis_of(ground), sessions)
    else:
        _fill_folder(place.folder, sessions)
        taken = _weigh(candidate, place, ground)
    inodes = sum(1 for _ in place.folder.rglob("*"))
    # A new application, as after a restart: it counts the sessions that are stored.
    client = log_in(candidate.make(place, shape))
    login, read = (_find_least(client, operation) for operation in ("login", "read"))
    return Growth(candidate.name, sessions, taken, inodes, round(login, 1), round(read, 1))


def _take_memory(client: "Redis", sessions: int) -> int:
    """The bytes that so many more sessions take of a Redis, with their places in its table."""
    before = _used_memory(client)
    _fill_redis(client, sessions)
    return _used_memory(client) - before


def _used_memory(client: "Redis") -> int:
    info: Any = client.info("memory")
    return int(info["used_memory"])


def _find_least(client: BenchClient, operation: str) -> float:
    return min(cost.wall for _, cost in time_in_turn({"it": client}, operation, REQUESTS))


def redis_of(ground: Ground) -> "Redis":
    assert ground.server is not None  # a candidate that needs it was left out
    return ground.server.client


def _fill_redis(client: "Redis", sessions: int) -> None:
    """Copies of the one session that is there, which live as long as it does."""
    source = max(client.scan_iter(), key=len).decode()
    token = source.rpartition(":")[2]
    for first in range(0, sessions, BATCH):
        with client.pipeline(transaction=False) as batch:
            for _ in range(first, min(first + BATCH, sessions)):
                copy = source.removesuffix(token) + secrets.token_hex(len(token))[: len(token)]
                batch.copy(source, copy)
            batch.execute()


def _fill_folder(folder: Path, sessions: int) -> None:
    """Copies of the largest file that is there, under names of the same form."""
    source = max(_list_files(folder), key=lambda path: path.stat().st_size)
    parts = source.relative_to(folder).parts
    for _ in range(sessions):
        copy = folder.joinpath(*(secrets.token_hex(len(part))[: len(part)] for part in parts))
        copy.parent.mkdir(exist_ok=True)
        shutil.copy2(source, copy)


def _list_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def time_recovery(candidate: Candidate, shape: Shape, place: Place, ground: Ground) -> float:
    """Seconds from when Redis answers again until the session does."""
    assert ground.server is not None
    client = log_in(candidate.make(place, shape))
    ground.server.stop()
    with _quiet():
        client.ask("read", client.cookie)
        ground.server.start()
        begun = time.monotonic()
        while client.ask("read", client.cookie).text != "alice":
            time.sleep(POLL_SECONDS)
    return time.monotonic() - begun


@contextmanager
def _quiet() -> Iterator[None]:
    """Standard error of this process goes nowhere: the outage is on purpose."""
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - it is no file
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
