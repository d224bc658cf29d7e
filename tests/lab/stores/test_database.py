"""Sessions in a SQLite file are records for the laboratory, as those in files of their own are."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from app.lab.claim import Skipped
from app.lab.stores.database import copy_row, write_log_back
from app.lab.stores.files import SharedFilesHarness

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
