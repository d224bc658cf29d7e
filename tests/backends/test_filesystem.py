"""Sessions in files: modes, sweeping, files that cannot be trusted, locks, lists."""

import fcntl
import os
import shutil
import socket
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, chdir, contextmanager
from functools import partial
from pathlib import Path

import pytest

from backends.files.access import MAX_RECORD_BYTES, hold_lock
from backends.filesystem import WRITE_TIMEOUT_SECONDS, FileSystemStore
from backends.record import hash_owner
from backends.store import StoreUnavailable, Sweeps
from backends.timing.deadline import LIMIT_SECONDS
from tests.backends.records import FIELDS, fields
from tests.support.clock import SetClock
from tests.support.failures import become_folder, become_link, become_pipe, give_away


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
    for number in range(60):
        store.create(key(number), FIELDS, 60 if number % 3 else 600, owner=f"user{number % 5}")
    clock.forward(59)
    store.touch(key(1), 600)
    clock.forward(1)
    assert len(records(store)) == 60
    steps = list(store.sweep())
    assert (len(steps), sum(steps), len(records(store))) == (store.steps, 39, 21)
    assert {n for n in range(60) if store.load(key(n))} == {1, *range(0, 60, 3)}


def test_a_sweep_spares_unfinished_files(store: FileSystemStore, clock: SetClock) -> None:
    store.create(key(1), FIELDS, 600)
    shard = records(store)[0].parent
    abandoned, writing = shard / "a.tmp", shard / "b.tmp"
    probe = store.folder / "probe.12345678.tmp"  # of a start that crashed
    old = WRITE_TIMEOUT_SECONDS + 1
    for path, age in ((abandoned, old), (probe, old), (writing, 1)):
        path.touch()
        os.utime(path, (clock() - age, clock() - age))
    assert sum(store.sweep()) == 2
    assert [path.exists() for path in (writing, abandoned, probe)] == [True, False, False]


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
    for number in range(100):
        store.create(key(number), FIELDS, 60)
    clock.forward(60)
    for number in range(100, 400):
        store.create(key(number), FIELDS, 6000)
    assert len(records(store)) <= 320


def become_socket(path: Path) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as unbound, chdir(path.parent):
        unbound.bind(path.name[:50])
        Path(path.name[:50]).rename(path)


def grow(path: Path) -> None:
    os.truncate(path, MAX_RECORD_BYTES + 1)


UNTRUSTED: dict[Callable[[Path], None], str] = {
    become_link: "is a symbolic link. Put its target in its place",
    **dict.fromkeys((become_pipe, become_folder, become_socket), "its session is lost."),
    give_away: "belongs to the user 65534, and not to 0. Give",
    grow: f"has {MAX_RECORD_BYTES + 1} bytes, and at most {MAX_RECORD_BYTES} are",
}


class TestUntrustedFile:
    @pytest.fixture(params=UNTRUSTED)
    def spoil(self, request: pytest.FixtureRequest, store: FileSystemStore) -> Callable[[], None]:
        """Spoil the first of two records of an owner, when it is called."""
        for number in (1, 2):
            store.create(key(number), FIELDS, 60, "alice")
        return lambda: request.param(store._path(key(1)))

    @pytest.mark.parametrize(("spoil", "says"), UNTRUSTED.items(), indirect=["spoil"])
    def test_is_an_outage_and_stays_in_its_owners_list(
        self, store: FileSystemStore, spoil: Callable[[], None], says: str
    ) -> None:
        path = store._path(key(1))
        whole = path.read_bytes()
        spoil()
        for act in (store.load, partial(store.touch, ttl=60)):
            with pytest.raises(StoreUnavailable) as failed:
                act(key(1))
            assert says in failed.value.reason
        assert store.sessions_of("alice").keys() == {key(2)}
        assert rows(store) == {key(1), key(2)}
        path.rmdir() if path.is_dir() else path.unlink()
        path.write_bytes(whole)
        assert store.sessions_of("alice").keys() == {key(1), key(2)}

    def test_stays_in_a_sweep_that_goes_on(
        self, store: FileSystemStore, clock: SetClock, spoil: Callable[[], None]
    ) -> None:
        spoil()
        clock.forward(10**9)  # later than any time that the spoiling left
        assert sum(store.sweep()) == 1
        assert os.path.lexists(store._path(key(1)))
        assert rows(store) == {key(1)}

    def test_is_deleted_itself(self, store: FileSystemStore, spoil: Callable[[], None]) -> None:
        spoil()
        path = store._path(key(1))
        left = set(path.parent.iterdir()) - {path}
        assert store.delete(key(1)) is True
        assert set(path.parent.iterdir()) == left
        assert store.load(key(1)) is None
        assert store.sessions_of("alice").keys() == rows(store) == {key(2)}

    def test_counts_for_a_limit_and_is_ended_by_it(
        self, store: FileSystemStore, spoil: Callable[[], None]
    ) -> None:
        spoil()
        assert (store.end_oldest("alice", key(2), 1), rows(store)) == ([key(1)], {key(2)})


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
    become_folder(path)
    (path / "somebodys").touch()
    with pytest.raises(StoreUnavailable, match=r"a folder with files in it\. Move it away"):
        store.delete(key(1))
    assert (path / "somebodys").exists()


VERBS: dict[str, Callable[[FileSystemStore], object]] = {
    "create": lambda store: store.create(key(257), FIELDS, 60),
    "touch": lambda store: store.touch(key(1), 60),
    "delete": lambda store: store.delete(key(1)),
    "sessions_of": lambda store: store.sessions_of("alice"),
    "end_oldest": lambda store: store.end_oldest("alice", key(1), 1),
}


@pytest.mark.parametrize("act", VERBS.values(), ids=VERBS)
def test_a_lock_that_is_never_freed_is_an_outage(
    store: FileSystemStore, act: Callable[[FileSystemStore], object]
) -> None:
    store.create(key(1), FIELDS, 60, "alice")
    with held([store._path(key(1)).parent, store.folder / "owners"]):
        begun = time.monotonic()
        says = r"is locked by another process\. If this goes on"
        with pytest.raises(StoreUnavailable, match=says):
            act(store)
        assert LIMIT_SECONDS * 0.9 < time.monotonic() - begun < 1
        assert store.load(key(1)) is not None
        store.create(key(2), FIELDS, 60)  # in another shard
    act(store)


def test_a_lock_that_is_soon_freed_is_waited_for(store: FileSystemStore) -> None:
    store.create(key(1), FIELDS, 60)
    with ThreadPoolExecutor(1) as pool:
        with held([store._path(key(1)).parent]):
            touched = pool.submit(store.touch, key(1), 60)
            time.sleep(0.1)  # one that does not wait would be done by then
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


def test_an_ended_record_under_a_lock_hides_no_other(
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


def rows(store: FileSystemStore, owner: str = "alice") -> set[str]:
    folder = store.folder / "owners" / hash_owner(owner)
    return {row.name for row in folder.iterdir()} if folder.exists() else set()


def test_a_limit_counts_neither_lost_nor_damaged_records(store: FileSystemStore) -> None:
    for number in range(4):
        store.create(key(number), FIELDS, 60, "alice")
    store._path(key(1)).write_bytes(b"damaged")
    store._path(key(2)).unlink()
    assert store.end_oldest("alice", key(3), 2) == []
    assert rows(store) == {key(0), key(1), key(3)}


class TestLostRow:
    def test_returns_below_nine_tenths(self, store: FileSystemStore, clock: SetClock) -> None:
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

    def test_fails_no_renewal_if_it_stays_lost(
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


def test_a_record_may_be_as_large_as_is_promised(store: FileSystemStore) -> None:
    text = "x" * (17 * 1024 * 1024)
    store.create(key(1), {"text": text}, 60)
    assert fields(store, key(1)) == {"text": text}
