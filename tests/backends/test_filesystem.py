"""Sessions in files: modes, sweeping, files that cannot be trusted, locks, lists."""

import fcntl
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from backends.files.access import MAX_RECORD_BYTES, hold_lock
from backends.filesystem import WRITE_TIMEOUT_SECONDS, FileSystemStore
from backends.record import hash_owner
from backends.store import StoreUnavailable, Sweeps
from backends.timing.deadline import LIMIT_SECONDS
from tests.support.clock import SetClock

Spoil = Callable[[Path], None]
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


def test_a_file_never_looks_unfinished_for_longer_than_it_is(
    store: FileSystemStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its record's end, as its time, keeps a sweep away: not before it has its name."""
    replace, ages = os.replace, list[float]()

    def look_and_replace(temporary: str, path: str) -> None:
        ages.append(time.time() - Path(temporary).stat().st_mtime)
        replace(temporary, path)

    monkeypatch.setattr(os, "replace", look_and_replace)
    store.create(key(1), FIELDS, 600)
    assert [age > -60 for age in ages] == [True]


def test_logins_sweep_more_than_they_leave(store: FileSystemStore, clock: SetClock) -> None:
    for number in range(300):
        store.create(key(number), FIELDS, 60)
    clock.forward(60)
    for number in range(300, 700):
        store.create(key(number), FIELDS, 6000)
    assert len(records(store)) <= 450


def plant_link(path: Path) -> None:
    target = path.parents[2] / "target"
    path.rename(target)
    path.symlink_to(target)


def plant_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def plant_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def give_away(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away: run as root")
    os.chown(path, 65534, 65534)


def grow(path: Path) -> None:
    os.truncate(path, MAX_RECORD_BYTES + 1)


UNTRUSTED = [plant_link, plant_folder, plant_pipe, give_away, grow]


@pytest.mark.parametrize("spoil", UNTRUSTED)
class TestUntrustedFile:
    def test_is_an_outage_for_reads_and_writes(self, store: FileSystemStore, spoil: Spoil) -> None:
        store.create(key(1), FIELDS, 60)
        spoil(store._path(key(1)))
        with pytest.raises(StoreUnavailable):
            store.load(key(1))
        with pytest.raises(StoreUnavailable):
            store.touch(key(1), 60)

    def test_stays_in_its_owners_list(self, store: FileSystemStore, spoil: Spoil) -> None:
        store.create(key(1), FIELDS, 60, "alice")
        store.create(key(2), FIELDS, 60, "alice")
        spoil(store._path(key(1)))
        assert store.sessions_of("alice").keys() == {key(2)}
        assert rows(store) == {key(1), key(2)}

    def test_stays_in_a_sweep_that_goes_on(
        self, store: FileSystemStore, clock: SetClock, spoil: Spoil
    ) -> None:
        for number in range(3):
            store.create(key(number), FIELDS, 60, "alice")
        spoil(store._path(key(1)))
        clock.forward(10**9)  # later than any time that the spoiling left
        assert sum(store.sweep()) == 2
        assert os.path.lexists(store._path(key(1)))
        assert rows(store) == {key(1)}

    def test_is_deleted_itself(self, store: FileSystemStore, spoil: Spoil) -> None:
        store.create(key(1), FIELDS, 60, "alice")
        path = store._path(key(1))
        spoil(path)
        left = set(path.parent.iterdir()) - {path}
        assert store.delete(key(1)) is True
        assert set(path.parent.iterdir()) == left
        assert store.load(key(1)) is None
        assert store.sessions_of("alice") == {}
        assert rows(store) == set()

    def test_counts_for_a_limit_and_is_ended_by_it(
        self, store: FileSystemStore, spoil: Spoil
    ) -> None:
        store.create(key(1), FIELDS, 60, "alice")
        store.create(key(2), FIELDS, 60, "alice")
        spoil(store._path(key(1)))
        assert store.end_oldest("alice", key(2), 1) == [key(1)]
        assert rows(store) == {key(2)}


def test_a_damaged_record_stays_in_its_owners_list(store: FileSystemStore) -> None:
    store.create(key(1), FIELDS, 60, "alice")
    path = store._path(key(1))
    whole = path.read_bytes()
    path.write_bytes(b"damaged")
    assert store.load(key(1)) is None
    assert store.sessions_of("alice") == {}
    path.write_bytes(whole)
    assert store.sessions_of("alice").keys() == {key(1)}


def test_a_folder_with_files_in_a_records_place_is_not_deleted(store: FileSystemStore) -> None:
    store.create(key(1), FIELDS, 60)
    path = store._path(key(1))
    plant_folder(path)
    (path / "somebodys").touch()
    with pytest.raises(StoreUnavailable, match=r"a folder with files in it\. Move it away"):
        store.delete(key(1))
    assert (path / "somebodys").exists()


@pytest.mark.parametrize("verb", ["create", "touch", "delete", "sessions_of", "end_oldest"])
def test_a_lock_that_is_never_freed_is_an_outage(store: FileSystemStore, verb: str) -> None:
    store.create(key(1), FIELDS, 60, "alice")
    calls: dict[str, Callable[[], Any]] = {
        "create": lambda: store.create(key(257), FIELDS, 60),
        "touch": lambda: store.touch(key(1), 60),
        "delete": lambda: store.delete(key(1)),
        "sessions_of": lambda: store.sessions_of("alice"),
        "end_oldest": lambda: store.end_oldest("alice", key(1), 1),
    }
    folders = [store._path(key(1)).parent, store.folder / "owners"]
    with held(folders):
        begun = time.monotonic()
        with pytest.raises(
            StoreUnavailable, match=r"is locked by another process\. If this goes on"
        ):
            calls[verb]()
        assert LIMIT_SECONDS * 0.9 < time.monotonic() - begun < 1
        assert store.load(key(1)) is not None
        store.create(key(2), FIELDS, 60)  # in another shard
    calls[verb]()


def test_a_lock_that_is_soon_freed_is_waited_for(store: FileSystemStore) -> None:
    store.create(key(1), FIELDS, 60)
    with ThreadPoolExecutor(1) as pool:
        with held([store._path(key(1)).parent]):
            touched = pool.submit(store.touch, key(1), 60)
            time.sleep(0.1)
            assert not touched.done()
        touched.result()


def test_a_lock_ends_with_its_holder_alone(tmp_path: Path) -> None:
    """Others may have its descriptor still: a child, or gevent, which closes it later."""
    lock = hold_lock(str(tmp_path), 0)
    with lock:
        copy = os.dup(lock._descriptor)
    try:
        with hold_lock(str(tmp_path), 0):
            pass
    finally:
        os.close(copy)


def test_a_sweep_waits_for_no_lock(store: FileSystemStore, clock: SetClock) -> None:
    for number in range(20):
        store.create(key(number), FIELDS, 60)
    clock.forward(60)
    with held([path.parent for path in records(store)]):
        begun = time.monotonic()
        assert sum(store.sweep()) == 0
        assert time.monotonic() - begun < LIMIT_SECONDS
    assert sum(store.sweep()) == 20


def test_an_ended_record_in_a_locked_shard_hides_no_other(
    store: FileSystemStore, clock: SetClock
) -> None:
    store.create(key(1), FIELDS, 60, "alice")
    store.create(key(2), FIELDS, 600, "alice")
    clock.forward(60)
    with held([store._path(key(1)).parent]):
        assert store.sessions_of("alice").keys() == {key(2)}
    assert rows(store) == {key(1), key(2)}
    store.sessions_of("alice")
    assert rows(store) == {key(2)}


@contextmanager
def held(folders: Iterable[Path]) -> Iterator[None]:
    """Hold the locks of the folders, as a process that stands still does."""
    with ExitStack() as stack:
        for folder in folders:
            descriptor = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


class TestLimit:
    def test_ends_all_but_the_last_created(self, store: FileSystemStore) -> None:
        for number in range(5):
            store.create(key(number), FIELDS, 60, "alice")
        store.create(key(9), FIELDS, 60, "bob")
        assert store.end_oldest("alice", key(4), 2) == [key(0), key(1), key(2)]
        assert store.sessions_of("alice").keys() == {key(3), key(4)} == rows(store)
        assert store.end_oldest("alice", key(4), 2) == []
        assert store.load(key(0)) is None
        assert store.load(key(9)) is not None

    def test_goes_by_arrival_where_clocks_are_set_back(
        self, store: FileSystemStore, clock: SetClock
    ) -> None:
        for number in range(6):
            store.create(key(number), FIELDS, 10**6, "alice")
            clock.forward(-600)
            if number == 3:
                store.delete(key(3))
        assert store.end_oldest("alice", key(5), 2) == [key(0), key(1), key(2)]
        assert rows(store) == {key(4), key(5)}

    def test_does_not_count_ended_records(self, store: FileSystemStore, clock: SetClock) -> None:
        store.create(key(1), FIELDS, 600, "alice")
        store.create(key(2), FIELDS, 60, "alice")
        store.create(key(3), FIELDS, 600, "alice")
        store._path(key(3)).unlink()
        clock.forward(60)
        store.create(key(4), FIELDS, 600, "alice")
        assert store.end_oldest("alice", key(4), 2) == []
        assert rows(store) == {key(1), key(4)}

    def test_does_not_count_a_damaged_record(self, store: FileSystemStore) -> None:
        for number in range(3):
            store.create(key(number), FIELDS, 60, "alice")
        store._path(key(1)).write_bytes(b"damaged")
        assert store.end_oldest("alice", key(2), 2) == []
        assert rows(store) == {key(0), key(1), key(2)}

    def test_names_the_callers_record_if_its_row_is_gone(self, store: FileSystemStore) -> None:
        store.create(key(1), FIELDS, 60, "alice")
        store.create(key(2), FIELDS, 60, "alice")
        (store.folder / "owners" / hash_owner("alice") / key(1)).unlink()
        assert store.end_oldest("alice", key(1), 3) == [key(1)]
        assert store.load(key(1)) is None
        assert store.end_oldest("alice", key(1), 3) == [key(1)]
        assert store.load(key(2)) is not None


def rows(store: FileSystemStore, owner: str = "alice") -> set[str]:
    folder = store.folder / "owners" / hash_owner(owner)
    return {row.name for row in folder.iterdir()} if folder.exists() else set()


class TestLostRow:
    def test_is_written_again_below_nine_tenths(
        self, store: FileSystemStore, clock: SetClock
    ) -> None:
        store.create(key(1), FIELDS, 100, "alice")
        shutil.rmtree(store.folder / "owners")
        clock.forward(9)
        store.touch(key(1), 100)
        assert rows(store) == set()
        clock.forward(11)
        store.touch(key(1), 100)
        assert store.sessions_of("alice").keys() == {key(1)}

    def test_leaves_the_order_of_the_others(self, store: FileSystemStore, clock: SetClock) -> None:
        for number in range(4):
            store.create(key(number), FIELDS, 100, "alice")
        clock.forward(50)
        (store.folder / "owners" / hash_owner("alice") / key(1)).unlink()
        for number in (2, 1, 0):
            store.update(key(number), {"n": "1"}, (), 100)
        assert store.end_oldest("alice", key(1), 2) == [key(0), key(2)]

    def test_that_cannot_be_written_fails_no_renewal(
        self, store: FileSystemStore, clock: SetClock
    ) -> None:
        store.create(key(1), FIELDS, 100, "alice")
        shutil.rmtree(store.folder / "owners" / hash_owner("alice"))
        clock.forward(50)
        with held([store.folder / "owners"]):
            store.touch(key(1), 100)
        record = store.load(key(1))
        assert record is not None
        assert record.ttl == pytest.approx(100, abs=0.002)

    def test_of_nobody_is_none(self, store: FileSystemStore, clock: SetClock) -> None:
        store.create(key(1), FIELDS, 100)
        clock.forward(50)
        store.touch(key(1), 100)
        assert list((store.folder / "owners").iterdir()) == []


def test_a_record_may_be_as_large_as_is_promised(store: FileSystemStore) -> None:
    text = "x" * (17 * 1024 * 1024)
    store.create(key(1), {"text": text}, 60)
    record = store.load(key(1))
    assert record is not None
    assert record.fields == {"text": text}
