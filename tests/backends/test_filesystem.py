"""Sessions in files: modes and sweeping."""

import os
import stat
from pathlib import Path

import pytest

from backends.filesystem import WRITE_TIMEOUT_SECONDS, FileSystemStore
from backends.store import Sweeps
from tests.support.clock import SetClock

FIELDS = {"user": '"alice"'}


@pytest.fixture
def store(tmp_path: Path, clock: SetClock) -> FileSystemStore:
    return FileSystemStore(tmp_path / "sessions", clock)


def key(number: int) -> str:
    return f"{number % 256:02x}{number:062x}"


def records(store: FileSystemStore) -> list[Path]:
    return list(store.folder.glob("??/*"))


def test_only_the_processes_user_may_read_folders_and_files(store: FileSystemStore) -> None:
    store.create(key(1), FIELDS, 60, owner="alice")
    paths = [store.folder, *store.folder.rglob("*")]
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in paths}
    assert modes == {(True, 0o700), (False, 0o600)}


def test_a_sweep_removes_ended_records_alone(store: FileSystemStore, clock: SetClock) -> None:
    assert isinstance(store, Sweeps)
    for number in range(300):
        store.create(key(number), FIELDS, 60 if number % 3 else 600, owner=f"user{number % 5}")
    clock.forward(60)
    assert len(records(store)) == 300
    steps = list(store.sweep())
    assert (len(steps), sum(steps), len(records(store))) == (store.steps, 200, 100)
    assert [number for number in range(300) if store.load(key(number))] == list(range(0, 300, 3))


def test_a_sweep_spares_a_record_that_was_renewed(store: FileSystemStore, clock: SetClock) -> None:
    store.create(key(1), FIELDS, 60)
    clock.forward(59)
    store.touch(key(1), 600)
    clock.forward(60)
    assert sum(store.sweep()) == 0
    assert store.load(key(1)) is not None


def test_a_sweep_spares_files_that_are_being_written(
    store: FileSystemStore, clock: SetClock
) -> None:
    store.create(key(1), FIELDS, 600)
    shard = records(store)[0].parent
    abandoned, writing = shard / "a.tmp", shard / "b.tmp"
    for path, age in ((abandoned, WRITE_TIMEOUT_SECONDS + 1), (writing, 1)):
        path.touch()
        os.utime(path, (clock() - age, clock() - age))
    assert sum(store.sweep()) == 1
    assert (writing.exists(), abandoned.exists()) == (True, False)


def test_logins_sweep_more_than_they_leave(store: FileSystemStore, clock: SetClock) -> None:
    for number in range(300):
        store.create(key(number), FIELDS, 60)
    clock.forward(60)
    for number in range(300, 700):
        store.create(key(number), FIELDS, 6000)
    assert len(records(store)) <= 450
