"""Files and SQLite's one file as stores: the laboratory counts, reads and corrupts records."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from app.lab.claim import Skipped
from app.lab.stores.database import copy_row, write_log_back
from app.lab.stores.files import FilesHarness, SharedFilesHarness


def run_as_application(act: Callable[[], Any]) -> None:
    """Call it in another thread, as the application does everything."""
    thread = Thread(target=act)
    thread.start()
    thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> FilesHarness:
    path = tmp_path / "sessions"
    path.mkdir()
    return FilesHarness(path)


def test_what_the_application_does_with_files_is_recorded(folder: FilesHarness) -> None:
    path, other = folder.path / "a", folder.path / "b"
    with folder.record_operations() as operations:
        run_as_application(lambda: path.write_bytes(b"1"))
        run_as_application(path.read_bytes)
        run_as_application(lambda: os.listdir(os.fsencode(folder.path)))  # noqa: PTH208 - bytes
        run_as_application(lambda: path.rename(other))
        run_as_application(lambda: os.utime(other))
        run_as_application(lambda: os.truncate(other, 0))
        run_as_application(lambda: path.hardlink_to(other))
        run_as_application(other.unlink)
        run_as_application((folder.path / "deep").mkdir)
        run_as_application(lambda: sqlite3.connect(path).close())
    of_files = ["open", "open", "os.listdir", "os.rename", "os.utime", "os.truncate", "os.link"]
    assert operations == [*of_files, "os.remove", "os.mkdir", "sqlite3.connect"]


def test_nothing_else_is_recorded(folder: FilesHarness) -> None:
    with folder.record_operations() as operations:
        run_as_application(folder.path.with_name("sessions-of-another").touch)
        folder.overwrite("a", b"1")  # the laboratory itself
        folder.corrupt("a", bytes.swapcase)
        folder.records()
    run_as_application((folder.path / "a").touch)
    assert operations == []


def test_its_records_are_copies_of_all_files_and_can_be_corrupted(folder: FilesHarness) -> None:
    (folder.path / "deep").mkdir()
    folder.overwrite("deep/a", b"1")
    folder.overwrite("b", b"whole")
    folder.corrupt("b", lambda data: data[:2])
    assert folder.records() == {"deep/a": b"1", "b": b"wh"}


def test_it_is_gone_while_stopped_and_unchanged_afterwards(folder: FilesHarness) -> None:
    folder.overwrite("a", b"1")
    for _ in range(2):
        with folder.stopped():
            assert not folder.path.exists()
            folder.path.mkdir()
            folder.overwrite("b", b"2")
    assert folder.records() == {"a": b"1"}


def test_it_is_the_same_for_another_process_and_cannot_be_frozen(folder: FilesHarness) -> None:
    assert folder.for_new_process() is folder
    with pytest.raises(Skipped), folder.frozen():
        pass


ROWS = [("a", b"\x00first"), ("b", b"second")]


@pytest.fixture
def application(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Keeps its file open, as an application that runs."""
    with closing(sqlite3.connect(tmp_path / "all.sqlite3")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE sessions (key TEXT PRIMARY KEY, data BLOB)")
        with database:
            database.executemany("INSERT INTO sessions VALUES (?, ?)", ROWS)
        yield database


@pytest.fixture
def harness(tmp_path: Path) -> SharedFilesHarness:
    return SharedFilesHarness(tmp_path)


@pytest.mark.usefixtures("application")
def test_each_row_is_a_record_with_all_that_is_in_it(harness: SharedFilesHarness) -> None:
    assert harness.records() == {
        "all.sqlite3: sessions 1": b"a\n\x00first",
        "all.sqlite3: sessions 2": b"b\nsecond",
    }


def test_one_is_changed_and_its_key_is_not(
    harness: SharedFilesHarness, application: sqlite3.Connection
) -> None:
    harness.corrupt("all.sqlite3: sessions 1", lambda data: data[:3])
    harness.overwrite("all.sqlite3: sessions 2", b"planted")
    rows = application.execute("SELECT key, data FROM sessions").fetchall()
    assert rows == [("a", b"\x00fi"), ("b", b"planted")]


def test_another_file_is_shown_and_cannot_be_taken_apart(
    harness: SharedFilesHarness, tmp_path: Path
) -> None:
    (tmp_path / "all.dbm").write_bytes(b"who knows")
    assert harness.records() == {"all.dbm": b"who knows"}
    with pytest.raises(Skipped, match="share a file"):
        harness.overwrite("all.dbm", b"")
    with pytest.raises(Skipped, match="share a file"):
        harness.corrupt("all.dbm", bytes.lower)


def test_rows_are_copied_under_other_names(tmp_path: Path, application: sqlite3.Connection) -> None:
    numbers = count()
    copy_row(tmp_path / "all.sqlite3", 3, lambda name: f"{name}{next(numbers)}")
    rows = application.execute("SELECT key, data FROM sessions").fetchall()
    assert rows[:2] == ROWS
    assert [(key[0], data) for key, data in rows[2:]] == [("b", b"second")] * 3
    write_log_back(tmp_path / "all.sqlite3")
    assert (tmp_path / "all.sqlite3-wal").stat().st_size == 0
