"""What a session takes, in a cookie and in a store, alone and among many, and after an outage."""

import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from app.lab.bench.candidate import Candidate, Shape, find_login_fault
from app.lab.bench.place import Place
from app.lab.bench.results import Growth, Recovery, Sent, Weight
from app.lab.bench.timing import log_in, time_in_turn
from app.lab.stores.database import copy_row, is_database, write_log_back

if TYPE_CHECKING:
    from redis import Redis

SESSIONS = 100
"""How many are stored to weigh one."""

SENT_SIZES = (50, *range(250, 4_500, 250))
"""Bytes of data, until more than a cookie holds."""

BATCH = 1_000
REQUESTS = 40
BLOCK_BYTES = 512
"""Of `st_blocks`, whatever the file system's own are (stat(2))."""
POLL_SECONDS = 0.005
FEW_FILES = 3
"""A database, and what is beside it."""


def measure_sent(candidate: Candidate, _shape: Shape, place: Place) -> Iterator[Sent]:
    """Log in with more and more data, and see what a browser sends then."""
    for size in SENT_SIZES:
        login = candidate.make(place, Shape(size, 1))("login", None)
        sent = None if find_login_fault(login) else len(login.cookie or "")
        yield Sent(candidate.name, size, sent)


def weigh_session(candidate: Candidate, shape: Shape, place: Place) -> Iterator[Weight]:
    """What one session takes on the server: of Redis memory, or allocated on the disk."""
    ask = candidate.make(place, shape)
    before = _weigh(candidate, place)
    for _ in range(SESSIONS):
        ask("login", None)
    taken = _weigh(candidate, place) - before
    yield Weight(candidate.name, *shape, taken // SESSIONS)


def _weigh(candidate: Candidate, place: Place) -> int:
    if candidate.on_redis:
        keys = place.redis.scan_iter()
        return sum(place.redis.memory_usage(key, samples=0) or 0 for key in keys)
    files = _list_files(place.folder)
    for path in _list_databases(files):
        write_log_back(path)
    return sum(path.stat().st_blocks * BLOCK_BYTES for path in files)


def measure_among(
    sessions: int, candidate: Candidate, shape: Shape, place: Place
) -> Iterator[Growth]:
    """What so many stored sessions take, and what a login and a read cost beside them."""
    log_in(candidate.make(place, shape))
    if candidate.on_redis:
        before = _find_used_memory(place.redis)  # with the places of sessions in its table
        _fill_redis(place.redis, sessions)
        taken = _find_used_memory(place.redis) - before
    else:
        _fill_folder(place.folder, sessions)
        taken = _weigh(candidate, place)
    inodes = sum(1 for _ in place.folder.rglob("*"))
    # A new application, as after a restart: it counts the sessions that are stored.
    client = log_in(candidate.make(place, shape))
    login, read = (
        round(min(cost.wall for _, cost in time_in_turn({"it": client}, operation, REQUESTS)), 1)
        for operation in ("login", "read")
    )
    yield Growth(candidate.name, sessions, taken, inodes, login, read)


def _find_used_memory(client: "Redis") -> int:
    return int(client.info("memory")["used_memory"])


def _fill_redis(client: "Redis", sessions: int) -> None:
    """Copies of the one session that is there, which live as long as it does."""
    source = max(client.scan_iter(), key=len).decode()
    prefix, colon, token = source.rpartition(":")
    for first in range(0, sessions, BATCH):
        with client.pipeline(transaction=False) as batch:
            for _ in range(first, min(first + BATCH, sessions)):
                batch.copy(source, prefix + colon + _make_name_like(token))
            batch.execute()


def _fill_folder(folder: Path, sessions: int) -> None:
    """Copies of the largest file that is there, under names of the same form, or of its row."""
    databases = _list_databases(_list_files(folder))
    if databases:
        copy_row(databases[0], sessions, _make_name_like)
        return
    source = max(_list_files(folder), key=lambda path: path.stat().st_size)
    parts = source.relative_to(folder).parts
    for _ in range(sessions):
        copy = folder.joinpath(*map(_make_name_like, parts))
        copy.parent.mkdir(exist_ok=True)
        shutil.copy2(source, copy)


def _make_name_like(name: str) -> str:
    return secrets.token_hex(len(name))[: len(name)]


def _list_databases(files: list[Path]) -> list[Path]:
    """Of a store that keeps all in one; of many files none is."""
    return [path for path in files if len(files) <= FEW_FILES and is_database(path)]


def _list_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def time_recovery(candidate: Candidate, shape: Shape, place: Place) -> Iterator[Recovery]:
    """How long it takes from when Redis answers again until the session does."""
    assert place.server is not None
    client = log_in(candidate.make(place, shape))
    place.server.stop()
    client.ask("read", client.cookie)
    place.server.start()
    begun = time.monotonic()
    while client.ask("read", client.cookie).text != "alice":
        time.sleep(POLL_SECONDS)
    yield Recovery(candidate.name, round(time.monotonic() - begun, 2))
