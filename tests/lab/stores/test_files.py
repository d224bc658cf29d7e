"""Files as a store: the laboratory counts, reads and corrupts them, and takes them away."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from app.lab.claim import Skipped
from app.lab.stores.files import FilesHarness


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
        run_as_application(other.unlink)
    assert operations == ["open", "open", "os.listdir", "os.rename", "os.remove"]


def test_what_is_done_without_opening_a_file_is_recorded(folder: FilesHarness) -> None:
    path = folder.path / "a"
    folder.overwrite("a", b"1")
    with folder.record_operations() as operations:
        run_as_application((folder.path / "deep").mkdir)
        run_as_application(lambda: os.utime(path))
        run_as_application(lambda: os.truncate(path, 0))
        run_as_application(lambda: (folder.path / "b").hardlink_to(path))
    assert operations == ["os.mkdir", "os.utime", "os.truncate", "os.link"]


def test_each_connection_to_a_database_is_recorded(folder: FilesHarness) -> None:
    with folder.record_operations() as operations:
        run_as_application(lambda: sqlite3.connect(folder.path / "a").close())
    assert operations == ["sqlite3.connect"]


def test_nothing_beside_the_folder_is_recorded(folder: FilesHarness) -> None:
    beside = folder.path.with_name("sessions-of-another")
    with folder.record_operations() as operations:
        run_as_application(lambda: beside.write_bytes(b"1"))
    assert operations == []


def test_nothing_that_the_laboratory_does_is_recorded(folder: FilesHarness) -> None:
    with folder.record_operations() as operations:
        folder.overwrite("a", b"1")
        folder.corrupt("a", bytes.swapcase)
        folder.records()
    assert operations == []


def test_nothing_is_recorded_after_the_block(folder: FilesHarness) -> None:
    with folder.record_operations() as operations:
        pass
    run_as_application((folder.path / "a").touch)
    assert operations == []


def test_its_records_are_copies_of_all_files(folder: FilesHarness) -> None:
    (folder.path / "deep").mkdir()
    folder.overwrite("deep/a", b"1")
    folder.overwrite("b", b"2")
    assert folder.records() == {"deep/a": b"1", "b": b"2"}


def test_a_file_is_corrupted_by_a_function(folder: FilesHarness) -> None:
    folder.overwrite("a", b"whole")
    folder.corrupt("a", lambda data: data[:2])
    assert folder.records() == {"a": b"wh"}


def test_it_is_gone_while_stopped_and_unchanged_afterwards(folder: FilesHarness) -> None:
    folder.overwrite("a", b"1")
    for _ in range(2):
        with folder.stopped():
            assert not folder.path.exists()
            folder.path.mkdir()
            folder.overwrite("b", b"2")
    assert folder.records() == {"a": b"1"}


def test_a_full_disk_takes_no_byte_and_lets_files_be_deleted(folder: FilesHarness) -> None:
    folder.overwrite("a", b"1")
    with folder.disk_full():
        with pytest.raises(OSError, match="large"):
            folder.overwrite("b", b"2")
        (folder.path / "a").unlink()
    folder.overwrite("c", b"3")
    assert folder.records() == {"b": b"", "c": b"3"}


def test_it_cannot_be_frozen(folder: FilesHarness) -> None:
    with pytest.raises(Skipped), folder.frozen():
        pass


def test_another_process_of_the_machine_has_the_same_files(folder: FilesHarness) -> None:
    assert folder.for_new_process() is folder
