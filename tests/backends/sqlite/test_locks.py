"""Who uses SQLite's file when: connections, locks, forks, and the write-ahead log."""

import os
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE
from threading import Event
from typing import Any

import pytest

from app.lab.measuring import call_in_parallel
from backends.sqlite import FILE, WRITES_TO_A_LOOK, SqliteStore
from backends.sqlite_access.connections import MAX_IDLE
from tests.backends.records import FIELDS, key
from tests.backends.sqlite.conftest import close, look_elsewhere, opened
from tests.support.processes import PROJECT


class TestConnections:
    def test_threads_that_come_and_go_share_one(self, store: SqliteStore) -> None:
        for number in range(20):
            with ThreadPoolExecutor(1) as thread:
                thread.submit(store.create, key(number), FIELDS, 60).result()
        assert len(store._connections._idle) == 1

    def test_two_at_once_have_two(self, store: SqliteStore, monkeypatch: Any) -> None:
        store.create(key(1), FIELDS, 60)
        reading, go_on = Event(), Event()
        unpack = store._unpack

        def wait(*arguments: Any) -> Any:
            reading.set()
            assert go_on.wait(30)
            return unpack(*arguments)

        monkeypatch.setattr(store, "_unpack", wait)
        with ThreadPoolExecutor(1) as thread:
            found = thread.submit(store.load, key(1))
            assert reading.wait(30)
            store.create(key(2), FIELDS, 60)
            go_on.set()
            assert found.result() is not None
        assert len(store._connections._idle) == 2
        call_in_parallel(*[lambda: store.load(key(1))] * 40)
        assert 1 <= len(store._connections._idle) <= MAX_IDLE

    def test_who_could_only_read_writes_once_it_may(self, store: SqliteStore, folder: Path) -> None:
        """SQLite opens a file that may not be written to read it, and never writes by that."""
        store.create(key(1), FIELDS, 60)
        connections: Any = store._connections
        for _ in range(3):
            options: Any = {"uri": True, "isolation_level": None, "check_same_thread": False}
            reading = sqlite3.connect(f"file:{folder / FILE}?mode=ro", **options)
            reading.text_factory = bytes
            connections._idle.append((connections._find_file(), reading))
        for number in range(2, 6):
            store.create(key(number), FIELDS, 60)
        store.touch(key(1), 60)

    def test_a_connection_within_a_transaction_is_lent_to_nobody(self, store: SqliteStore) -> None:
        """Nobody else could write until its process ends."""
        connections: Any = store._connections

        def begin(database: sqlite3.Connection) -> None:
            database.execute("BEGIN IMMEDIATE")
            raise MemoryError

        with pytest.raises(MemoryError):
            connections.lend(begin)
        store.create(key(1), FIELDS, 60)


CHILD = """
import os, sys
from pathlib import Path
from backends.sqlite import SqliteStore

store, key = SqliteStore(Path(sys.argv[1])), sys.argv[2]
store.create(key, {}, 100)
if os.fork():
    os._exit(0)
print("alive" if store.load(key) else "lost", flush=True)
sys.stdin.readline()
print("ended" if store.delete(key) else "lost", flush=True)
sys.stdin.readline()
"""


class TestLocks:
    """SQLite's are the process's: what closes the file, or forks, must not lose them.

    Who loses them goes on writing into a log that the next process has removed.
    """

    def test_a_child_has_its_own(self, folder: Path) -> None:
        """Its parent ends, as that of a service that detaches itself does."""
        command = [sys.executable, "-c", CHILD, str(folder), key(1)]
        streams: Any = {"stdin": PIPE, "stdout": PIPE, "text": True, "bufsize": 1}
        with subprocess.Popen(command, cwd=PROJECT, **streams) as started:
            process: Any = started
            assert process.stdout.readline() == "alive\n"
            assert look_elsewhere(folder) == 1  # it would take itself for the last one
            process.stdin.write("\n")
            assert process.stdout.readline() == "ended\n"
            assert look_elsewhere(folder) == 0
            process.stdin.write("\n")

    def test_a_second_application_takes_none_away(self, store: SqliteStore, folder: Path) -> None:
        store.create(key(1), FIELDS, 60)
        SqliteStore(folder)
        assert look_elsewhere(folder) == 1
        assert store.delete(key(1))
        assert look_elsewhere(folder) == 0

    def test_a_fork_waits_for_who_writes(self, store: SqliteStore, monkeypatch: Any) -> None:
        store.create(key(1), FIELDS, 60)
        begun, order = Event(), list[str]()
        change = store._change

        def write_slowly(*arguments: Any) -> Any:
            begun.set()
            time.sleep(0.05)  # a fork that does not wait comes first
            order.append("written")
            return change(*arguments)

        monkeypatch.setattr(store, "_change", write_slowly)
        with ThreadPoolExecutor(1) as thread:
            written = thread.submit(store.update, key(1), {"n": "1"}, (), 60)
            assert begun.wait(30)
            child = os.fork()
            if child == 0:
                os._exit(0)
            order.append("forked")
            written.result()
        os.waitpid(child, 0)
        assert order == ["written", "forked"]
        assert store._connections.turn.acquire(timeout=0)

    def test_a_fork_takes_nobodys_turn(self, store: SqliteStore, monkeypatch: Any) -> None:
        monkeypatch.setattr("backends.sqlite_access.connections.LIMIT_SECONDS", 0)
        store._connections.turn.acquire()  # another thread writes for long
        store._connections._lent.append(None)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                store.create(key(1), FIELDS, 60)
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        assert store._connections.turn.locked()
        store._connections.turn.release()
        assert store.delete(key(1))


class TestLog:
    def test_it_is_shortened_while_others_never_stop(
        self, store: SqliteStore, folder: Path, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr("backends.sqlite.MAX_LOG_BYTES", 100_000)
        log = Path(f"{folder / FILE}-wal")
        sizes = []
        for number in range(3 * WRITES_TO_A_LOOK):
            store.create(key(number), FIELDS, 60)
            sizes.append(log.stat().st_size)
        assert max(sizes) > 100_000
        assert min(sizes[WRITES_TO_A_LOOK - 1 :]) == 0

    def test_a_copy_without_one_gets_it_again(self, store: SqliteStore, folder: Path) -> None:
        store.create(key(1), FIELDS, 60)
        close(store)
        with opened(folder) as database:
            assert database.execute("PRAGMA journal_mode=DELETE").fetchone() == ("delete",)
        SqliteStore(folder)
        with opened(folder) as database:
            assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
