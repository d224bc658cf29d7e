"""What a session takes, in a cookie and in a store, alone and among many, and after an outage."""

import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.lab.bench.candidate import Shape
from app.lab.bench.results import Growth, Recovery, Sent, Weight
from app.lab.bench.timing import time_requests
from app.lab.bench.trial import Trial, measure_cookie
from app.lab.stores.database import copy_row, is_database, write_log_back

SESSIONS = 100
"""How many are stored to weigh one."""

SENT_SIZES = (50, *range(250, 4_500, 250))
"""Bytes of data, until more than a cookie holds."""

BATCH = 1_000
TURNS = 8
BLOCK_BYTES = 512
"""Of `st_blocks`, whatever the file system's own are (stat(2))."""
POLL_SECONDS = 0.005
FEW_FILES = 3
"""A database, and what is beside it."""


def measure_sent(trial: Trial) -> Iterator[Sent]:
    """Log in with more and more data, and see what a browser sends then."""
    for size in SENT_SIZES:
        cookie = trial._replace(shape=Shape(size, 1)).start().cookie
        yield Sent(trial.candidate.name, size, measure_cookie(cookie))


def weigh_session(trial: Trial) -> Iterator[Weight]:
    """What one session takes on the server, on average of many."""
    client = trial.start()
    before = _weigh(trial)
    for _ in range(SESSIONS):
        client.ask("login", None)
    taken = _weigh(trial) - before
    yield Weight(trial.candidate.name, *trial.shape, taken // SESSIONS)


def _weigh(trial: Trial) -> int:
    """All keys of Redis, or all files as the disk allocates them."""
    if trial.redis:
        client = trial.redis.client
        return sum(client.memory_usage(key, samples=0) or 0 for key in client.scan_iter())
    if database := _find_database(trial.folder):
        write_log_back(database)
    return sum(path.stat().st_blocks * BLOCK_BYTES for path in _list_files(trial.folder))


def measure_among(sessions: int, trial: Trial) -> Iterator[Growth]:
    """What so many stored sessions take, and what a login and a read cost beside them."""
    trial.start()  # its session is copied
    if trial.redis:
        taken = _fill_redis(trial.redis.client, sessions)
    else:
        _fill_folder(trial.folder, sessions)
        taken = _weigh(trial)
    inodes = sum(1 for _ in trial.folder.rglob("*"))
    # By a new application, as after a restart: it counts the sessions that are stored.
    timed = [*time_requests(TURNS, trial)]
    login, read = (
        round(min(cost.wall for (_, done, _), cost in timed if done == operation), 1)
        for operation in ("login", "read")
    )
    yield Growth(trial.candidate.name, sessions, taken, inodes, login, read)


def _fill_redis(client: Any, sessions: int) -> int:
    """Copy the one session that is there; the memory of the copies and of their places."""
    source = max(client.scan_iter(), key=len).decode()
    prefix, colon, token = source.rpartition(":")
    before = client.info("memory")["used_memory"]
    for first in range(0, sessions, BATCH):
        with client.pipeline(transaction=False) as batch:
            for _ in range(first, min(first + BATCH, sessions)):
                batch.copy(source, prefix + colon + _make_name_like(token))
            batch.execute()
    return int(client.info("memory")["used_memory"]) - int(before)


def _fill_folder(folder: Path, sessions: int) -> None:
    """Copies of the largest file that is there, under names of the same form, or of its row."""
    if database := _find_database(folder):
        copy_row(database, sessions, _make_name_like)
        return
    source = max(_list_files(folder), key=lambda path: path.stat().st_size)
    for _ in range(sessions):
        copy = folder.joinpath(*map(_make_name_like, source.relative_to(folder).parts))
        copy.parent.mkdir(exist_ok=True)
        shutil.copy2(source, copy)


def _make_name_like(name: str) -> str:
    return secrets.token_hex(len(name))[: len(name)]


def _find_database(folder: Path) -> Path | None:
    """That of a store that keeps all in one; none of many files is one."""
    files = _list_files(folder)
    return next(filter(is_database, files if len(files) <= FEW_FILES else ()), None)


def _list_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def time_recovery(trial: Trial) -> Iterator[Recovery]:
    """How long it takes from when Redis answers again until the session does."""
    assert trial.redis is not None
    client = trial.start()
    with trial.redis.stopped():
        client.ask("read", client.cookie)
    begun = time.monotonic()
    while client.ask("read", client.cookie).text != "alice":
        time.sleep(POLL_SECONDS)
    yield Recovery(trial.candidate.name, round(time.monotonic() - begun, 2))
