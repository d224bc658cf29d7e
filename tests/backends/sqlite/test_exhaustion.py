"""A process that may open or write no more, and connections that an error has spoiled."""

import resource
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from backends.sqlite import FILE, SqliteStore
from backends.store import StoreUnavailable
from tests.backends.sqlite.helpers import FIELDS, close, key
from tests.support.limits import limited


def test_too_many_open_files(store: SqliteStore) -> None:
    store.create(key(1), FIELDS, 60)
    close(store)
    with limited(resource.RLIMIT_NOFILE, 0), pytest.raises(StoreUnavailable, match="more files"):
        store.load(key(1))
    assert store.load(key(1)) is not None


def test_too_large_files(store: SqliteStore) -> None:
    store.create(key(1), FIELDS, 60)
    with limited(resource.RLIMIT_FSIZE, 100):
        with pytest.raises(StoreUnavailable, match="larger files"):
            store.update(key(1), {"n": "1"}, (), 60)
        assert store.load(key(1)) is not None
    store.update(key(1), {"n": "2"}, (), 60)


def test_who_could_only_read_writes_once_it_may(store: SqliteStore, folder: Path) -> None:
    """SQLite opens a file that may not be written to read it, and never writes by that."""
    store.create(key(1), FIELDS, 60)
    connections: Any = store._connections
    for _ in range(3):
        reading = sqlite3.connect(
            f"file:{folder / FILE}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        reading.text_factory = bytes
        connections._idle.append((connections._find_file(), reading))
    for number in range(2, 6):
        store.create(key(number), FIELDS, 60)
    store.touch(key(1), 60)


def test_a_connection_within_a_transaction_is_lent_to_nobody(store: SqliteStore) -> None:
    """Nobody else could write until its process ends."""
    connections: Any = store._connections

    def begin(database: sqlite3.Connection) -> None:
        database.execute("BEGIN IMMEDIATE")
        raise MemoryError

    with pytest.raises(MemoryError):
        connections.lend(begin)
    store.create(key(1), FIELDS, 60)
