"""A disk that fails below files and SQLite: one line says what to do."""

import errno
import os
import resource
import shutil
from pathlib import Path

import pytest

from backends.filesystem import FileSystemStore
from backends.sqlite import SqliteStore
from backends.store import StoreUnavailable
from tests.backends.records import FIELDS, fields, key
from tests.support.clock import SetClock
from tests.support.failures import raising
from tests.support.limits import limited

REFUSE = raising(PermissionError, errno.EACCES, os.strerror(errno.EACCES))


@pytest.fixture
def store(tmp_path: Path, clock: SetClock) -> FileSystemStore:
    return FileSystemStore(tmp_path / "sessions", clock)


@pytest.fixture(params=[FileSystemStore, SqliteStore])
def on_disk(request: pytest.FixtureRequest, tmp_path: Path) -> FileSystemStore | SqliteStore:
    """A store with a record."""
    found: FileSystemStore | SqliteStore = request.param(tmp_path / "sessions")
    found.create(key(1), FIELDS, 60, owner="alice")
    return found


def test_too_many_open_files(on_disk: FileSystemStore | SqliteStore) -> None:
    if isinstance(on_disk, SqliteStore):
        on_disk._connections.close()
    with limited(resource.RLIMIT_NOFILE, 0), pytest.raises(StoreUnavailable, match="more files"):
        on_disk.load(key(1))
    assert on_disk.load(key(1)) is not None


def test_too_large_files(on_disk: FileSystemStore | SqliteStore) -> None:
    """A part of the record can be written, which must not be taken for a full disk."""
    with limited(resource.RLIMIT_FSIZE, 50):
        with pytest.raises(StoreUnavailable, match="larger files"):
            on_disk.create(key(2), FIELDS, 60, owner="alice")
        with pytest.raises(StoreUnavailable, match="larger files"):
            on_disk.touch(key(1), 60)
        assert on_disk.load(key(1)) is not None
    assert list(on_disk.sessions_of("alice")) == [key(1)]
    on_disk.touch(key(1), 60)


def become_file(path: Path) -> None:
    shutil.rmtree(path)
    path.touch()


def test_a_folder_that_is_away(store: FileSystemStore) -> None:
    store.create(key(1), FIELDS, 60)
    for spoil, says in (
        (shutil.rmtree, "Put the session folder back, or start again"),
        (become_file, "Move away the file that stands in the place of a folder."),
    ):
        store.folder.mkdir(exist_ok=True)
        spoil(store.folder)
        for act in (
            lambda: store.load(key(1)),
            lambda: store.touch(key(1), 60),
            lambda: store.create(key(2), FIELDS, 60, owner="alice"),
            lambda: store.sessions_of("alice"),
        ):
            with pytest.raises(StoreUnavailable, match=says):
                act()


def test_a_full_disk_says_what_to_do_and_a_login_leaves_nothing_behind(
    store: FileSystemStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No list of an owner who never logs in again would be read, and so be cleaned."""
    write, sizes = os.write, [20]

    def fill(descriptor: int, data: bytes) -> int:
        """Take a part of what is written first, and then say that it is full."""
        if not sizes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data[: sizes.pop()])

    store.create(key(1), FIELDS, 60, owner="alice")
    monkeypatch.setattr(os, "write", fill)
    with pytest.raises(StoreUnavailable, match="Make room on its disk"):
        store.update(key(1), {"n": "1"}, (), 60)
    assert fields(store, key(1)) == FIELDS
    for number, owner in ((2, "alice"), (3, "alice"), (4, "alice"), (5, "bob")):
        with pytest.raises(StoreUnavailable):
            store.create(key(number), FIELDS, 60, owner=owner)
    assert [path.name for path in store.folder.rglob("*") if path.is_file()] == [key(1)] * 2
    assert len(list((store.folder / "owners").iterdir())) == 1


def test_a_logout_counts_whose_list_cannot_be_changed(
    store: FileSystemStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create(key(1), FIELDS, 60, owner="alice")
    with monkeypatch.context() as patch:
        patch.setattr(store._lists, "remove", REFUSE)
        assert store.delete(key(1))
    assert store.sessions_of("alice") == {}


class TestASweepAtLogin:
    def test_goes_on_behind_a_folder_that_cannot_be_read(
        self, store: FileSystemStore, clock: SetClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for first in ("10", "ff"):
            store.create(first + key(1)[2:], FIELDS, 60)
        clock.forward(60)
        listdir = os.listdir
        monkeypatch.setattr(
            os, "listdir", lambda path: (REFUSE if path.endswith("/10") else listdir)(path)
        )
        for number in range(store.steps):
            store.create(key(number), FIELDS, 6000)
        assert not (store.folder / "ff" / ("ff" + key(1)[2:])).exists()

    def test_survives_any_error(
        self, store: FileSystemStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(os, "listdir", raising(MemoryError))
            with pytest.raises(MemoryError):
                store.create(key(1), FIELDS, 60)
        for number in range(2, 5):
            store.create(key(number), FIELDS, 60)
