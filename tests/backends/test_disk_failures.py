"""A disk that fails below files and SQLite: one line says what to do.

What pages answer then is in `contract/test_outage.py`.
"""

import ctypes
import errno
import fcntl
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from backends.filesystem import FileSystemStore
from backends.sqlite import SqliteStore
from backends.store import StoreUnavailable
from tests.backends.records import FIELDS, fields, key
from tests.support.cases import case
from tests.support.clock import SetClock
from tests.support.failures import raising
from tests.support.limits import limited

REFUSE = raising(PermissionError, errno.EACCES, os.strerror(errno.EACCES))

StoreOnDisk = FileSystemStore | SqliteStore
Outage = Callable[[Path], AbstractContextManager[None]]

CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
CAPABILITY_VERSION = 0x20080522


@pytest.fixture
def store(tmp_path: Path, clock: SetClock) -> FileSystemStore:
    return FileSystemStore(tmp_path / "sessions", clock)


@pytest.fixture(params=[FileSystemStore, SqliteStore])
def on_disk(request: pytest.FixtureRequest, tmp_path: Path) -> StoreOnDisk:
    """A store with a record."""
    found: StoreOnDisk = request.param(tmp_path / "sessions")
    found.create(key(1), FIELDS, 60, owner="alice")
    return found


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Be somebody for whom file permissions count: for root they do not (capabilities(7))."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    whole = (ctypes.c_uint32 * 6)()
    libc.capget(header, whole)
    lesser = (ctypes.c_uint32 * 6)(*whole)
    lesser[0] &= ~(1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH)
    assert libc.capset(header, lesser) == 0
    yield
    libc.capset(header, whole)


def with_mode(mode: int, find: Callable[[Path], Iterable[Path]]) -> Outage:
    """An outage in which what is found in the folder has another mode."""

    @contextmanager
    def outage(folder: Path) -> Iterator[None]:
        before = {path: path.stat().st_mode for path in find(folder)}
        for path in before:
            path.chmod(mode)
        yield
        for path, own in before.items():
            path.chmod(own)

    return outage


unreadable = with_mode(0, lambda folder: [folder])
unreadable_file = with_mode(0, lambda folder: folder.glob("??/*"))
read_only = with_mode(0o500, lambda folder: [folder, *folder.glob("*/")])


@contextmanager
def gone(folder: Path) -> Iterator[None]:
    folder.rename(folder.with_name("elsewhere"))
    yield
    folder.with_name("elsewhere").rename(folder)


OUTAGES: tuple[Outage, ...] = (unreadable, gone)

ACTS: dict[str, Callable[[StoreOnDisk], object]] = {
    "load": lambda store: store.load(key(1)),
    "touch": lambda store: store.touch(key(1), 60),
    "create": lambda store: store.create(key(2), FIELDS, 60, owner="alice"),
    "delete": lambda store: store.delete(key(1)),
}


@pytest.mark.usefixtures("unprivileged")
@pytest.mark.parametrize(
    ("on_disk", "outage", "refused"),
    [
        *((kind, outage, ACTS) for kind in (FileSystemStore, SqliteStore) for outage in OUTAGES),
        (FileSystemStore, unreadable_file, ["load", "touch"]),
        (FileSystemStore, read_only, ["create", "delete"]),
    ],
    indirect=["on_disk"],
)
def test_what_may_not_be_read_or_written_is_an_outage_that_changes_nothing(
    on_disk: StoreOnDisk, outage: Outage, refused: Iterable[str], tmp_path: Path
) -> None:
    with outage(tmp_path / "sessions"):
        for name in refused:
            with case(name), pytest.raises(StoreUnavailable):
                ACTS[name](on_disk)
    assert list(tmp_path.rglob("*.tmp")) == []
    assert list(on_disk.sessions_of("alice")) == [key(1)]
    for act in ACTS.values():
        act(on_disk)
    assert list(on_disk.sessions_of("alice")) == [key(2)]


@pytest.fixture
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A small file system of its own, with `request.param` as its limit."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", request.param, "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk cannot be mounted: run as root, who may mount")
    yield folder
    # Lazily: SQLite's file is open until the store is collected.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize(
    ("disk", "kind"),
    [
        *(("size=256k", FileSystemStore), ("nr_inodes=40", FileSystemStore)),
        ("size=256k", SqliteStore),
    ],
    indirect=["disk"],
)
def test_a_disk_that_fills_refuses_and_keeps_what_is_there(
    disk: Path, kind: type[StoreOnDisk]
) -> None:
    spare = [disk / "spare1", disk / "spare2", disk / "spare3"]
    for file in spare:
        file.write_bytes(b"x" * 20_000)
    store, large = kind(disk / "sessions"), {"user": "x" * 20_000}
    store.create(key(0), large, 60)

    def fill() -> None:
        for number in range(1, 100):
            store.create(key(number), large, 60, owner=f"user{number}")

    with pytest.raises(StoreUnavailable, match="Make room on its disk"):
        fill()
    assert list(disk.rglob("*.tmp")) == []
    assert fields(store, key(0)) == large
    if kind is FileSystemStore:  # to remove a file takes no room
        assert store.delete(key(0)) is True
    else:  # SQLite writes what it removes into its log
        with pytest.raises(StoreUnavailable):
            store.delete(key(0))
    for file in spare:
        file.unlink()
    store.create(key(100), large, 60)


def test_too_many_open_files(on_disk: StoreOnDisk) -> None:
    if isinstance(on_disk, SqliteStore):
        on_disk._connections.close()
    with limited(resource.RLIMIT_NOFILE, 0), pytest.raises(StoreUnavailable, match="more files"):
        on_disk.load(key(1))
    assert on_disk.load(key(1)) is not None


def test_too_large_files(on_disk: StoreOnDisk) -> None:
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


CALLS = (
    *((os, name) for name in ("open", "fstat", "read", "write", "replace", "utime", "close")),
    *((os, name) for name in ("unlink", "mkdir", "rmdir", "stat", "scandir", "listdir")),
    (fcntl, "flock"),
)
"""What a store asks of the system."""

STEPS: dict[str, Callable[[FileSystemStore], object]] = {
    "load": lambda store: store.load(key(1)),
    "update": lambda store: store.update(key(1), {"n": "1"}, (), 60),
    "create": lambda store: store.create(key(3), FIELDS, 60, owner="alice"),
    "delete": lambda store: store.delete(key(1)),
    "list": lambda store: store.sessions_of("alice"),
    "limit": lambda store: store.end_oldest("alice", key(2), 1),
}


def fail_once(ask: Callable[..., Any], number: int, failed: list[int]) -> Callable[..., Any]:
    """Let the call of this number fail; a descriptor is closed whatever its closing says."""
    numbers = count(1)

    def call(*arguments: Any, **named: Any) -> Any:
        if next(numbers) != number:
            return ask(*arguments, **named)
        failed.append(number)
        if ask.__name__ == "close":
            ask(*arguments)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    return call


def list_open_files(folder: Path) -> list[Path]:
    """Those below the folder: what other tests left may be closed at any time."""
    targets: list[Path] = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # it listed the folder of descriptors itself
            targets.append(descriptor.readlink())
    return [target for target in targets if target.is_relative_to(folder)]


@pytest.mark.usefixtures("ample_time")
def test_a_call_that_fails_once_costs_no_more_than_its_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No lock is kept, nothing is left open or half written, and no failure has changed a thing."""
    for (name, act), (module, call) in ((each, call) for each in STEPS.items() for call in CALLS):
        for number in count(1):
            folder, failed = tmp_path / f"{name} {call} {number}", list[int]()
            store = FileSystemStore(folder)
            for known in (1, 2):
                store.create(key(known), FIELDS, 60, owner="alice")
            with monkeypatch.context() as patch, case(folder.name):
                patch.setattr(module, call, fail_once(getattr(module, call), number, failed))
                is_done = False
                with suppress(StoreUnavailable):
                    act(store)
                    is_done = True
            if not failed:
                break
            with case(folder.name):
                assert list_open_files(folder) == []
                assert not [*folder.rglob("*.tmp")]
                if not is_done:
                    assert fields(store, key(1)) == FIELDS
                    assert list(store.sessions_of("alice")) == [key(1), key(2)]
                assert (store.load(key(3)) is not None) == (is_done and name == "create")
                store.touch(key(2), 60)
                store.create(key(4), FIELDS, 60, owner="alice")


def test_a_login_whose_last_answer_was_lost_leaves_no_session(
    store: FileSystemStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def lose_answer(*paths: str) -> None:
        replace(*paths)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "replace", lose_answer)
    with pytest.raises(StoreUnavailable):
        store.create(key(1), FIELDS, 60, owner="alice")
    assert store.load(key(1)) is None
