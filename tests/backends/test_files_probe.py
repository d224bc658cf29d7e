"""The start on files: it tries what a login does, and says in one line what is refused."""

import ctypes
import errno
import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from backends import filesystem
from backends.failure_log import FailureLog
from backends.filesystem import OWNERS, FileSystemStore
from backends.settings import ConfigurationError
from backends.store import StoreUnavailable
from backends.timing import deadline
from tests.backends.records import FIELDS
from tests.support.bare import make_bare
from tests.support.clock import SetClock
from tests.support.failures import raising

KEY = "ab" * 32


@pytest.fixture
def store(tmp_path: Path) -> FileSystemStore:
    return FileSystemStore(tmp_path / "sessions")


@contextmanager
def as_nobody(become: Callable[[int], Any]) -> Iterator[None]:
    """Be the user 65534 meanwhile: as a process, or for new files alone, as by NFS and CIFS."""
    become(65534)
    try:
        yield
    finally:
        become(0)


@pytest.fixture
def root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be another user and give a folder away: run as root")


@pytest.fixture
def entered() -> Iterator[Path]:
    """A folder that every user may enter, which pytest's are not."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.mark.usefixtures("root")
def test_new_files_may_get_another_owner_than_the_process(entered: Path) -> None:
    with as_nobody(ctypes.CDLL(None).setfsuid):
        store = FileSystemStore(entered / "sessions")
        store.create(KEY, FIELDS, 60)
        assert store._path(KEY).stat().st_uid == 65534
        assert store.load(KEY) is not None
    os.chown(store._path(KEY), 1, 1)
    with pytest.raises(StoreUnavailable, match="belongs to the user 1"):
        store.load(KEY)


REFUSALS = {
    "mkdir": (os, "mkdir", "new folders"),
    "flock": (fcntl, "flock", "locks (flock)"),
    "write": (os, "write", "writing into files"),
    "utime": (os, "utime", "times for files (utime)"),
    "rename": (os, "replace", "renaming files"),
    "unlink": (os, "unlink", "the deletion of files"),
    "fstat": (os, "fstat", "reading files"),
}


class TestStart:
    def test_leaves_nothing_behind(self, tmp_path: Path) -> None:
        folder = tmp_path / "sessions"
        store = FileSystemStore(folder)
        assert list(folder.rglob("*")) == [folder / "owners"]
        store.create(KEY, FIELDS, 60, "alice")
        before = sorted(folder.rglob("*"))
        for _ in range(3):
            store.check()
            FileSystemStore(folder)
        assert sorted(folder.rglob("*")) == before

    @pytest.mark.parametrize("call", REFUSALS)
    def test_says_in_one_line_what_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
    ) -> None:
        module, name, what = REFUSALS[call]
        folder = tmp_path / "sessions"
        store = FileSystemStore(folder)
        refuse = raising(OSError, errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        with monkeypatch.context() as patched:
            patched.setattr(module, name, refuse)
            with pytest.raises(ConfigurationError) as refused:
                FileSystemStore(folder)
            with pytest.raises(StoreUnavailable, match="sessions cannot be written"):
                store.check()
        line = str(refused.value)
        assert line.startswith(f"SESSION_FILE_DIR: sessions cannot be written to {folder}: ")
        assert f"it refuses {what} (Operation not supported). " in line
        assert "\n" not in line
        store.check()

    @pytest.mark.parametrize("what", ["ENOSPC", "EDQUOT"])
    def test_on_a_full_disk_sessions_are_read_and_ended_and_a_sweep_makes_room(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any, what: str
    ) -> None:
        """The application would not start again otherwise, nor a command that ends sessions."""
        folder, clock = tmp_path / "sessions", SetClock()
        before = FileSystemStore(folder, clock)
        before.create(KEY, FIELDS, 60, "alice")
        before.create(KEY[::-1], FIELDS, 600, "alice")

        number = getattr(errno, what)
        refuse = raising(OSError, number, os.strerror(number))
        monkeypatch.setattr("backends.filesystem._failures", FailureLog(filesystem.logger))
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", refuse)
            store = FileSystemStore(folder, clock)
            assert "Make room on its disk" in caplog.text
            monkeypatch.setattr("backends.filesystem._failures", FailureLog(filesystem.logger))
            caplog.clear()
            with pytest.raises(StoreUnavailable, match=r"\)\. Make room on its disk"):
                store.check()
            assert "Make room" in caplog.text  # a load balancer sees a 503 and no reason
            assert list(store.sessions_of("alice")) == [KEY, KEY[::-1]]
            clock.forward(61)
            assert sum(store.sweep()) == 1
            assert store.delete(KEY[::-1])
        store.create(KEY, FIELDS, 60, "alice")
        assert list(store.sessions_of("alice")) == [KEY]

    @pytest.mark.usefixtures("root")
    @pytest.mark.parametrize("place", ["ab", "owners"])
    def test_names_a_folder_of_another_user(self, entered: Path, place: str) -> None:
        folder = entered / "sessions"
        (folder / place).mkdir(parents=True)
        os.chown(folder, 65534, 65534)
        with as_nobody(os.seteuid), pytest.raises(ConfigurationError) as refused:
            FileSystemStore(folder)
        says = f"{folder / place}: it refuses writing (it belongs to the user 0)"
        assert says in str(refused.value)

    @pytest.mark.usefixtures("root")
    def test_leaves_folders_alone_that_are_not_its_own(self, entered: Path) -> None:
        """As on a new disk, where `lost+found` is root's."""
        folder = entered / "sessions"
        (folder / "lost+found").mkdir(parents=True, mode=0o700)
        os.chown(folder, 65534, 65534)
        with as_nobody(os.seteuid):
            store = FileSystemStore(folder)
            store.create(KEY, FIELDS, 60)
            store.check()
            assert store.load(KEY) is not None
            assert sum(store.sweep()) == 0

    @pytest.mark.usefixtures("root")
    @pytest.mark.parametrize("place", ["ab", "owners"])
    def test_names_a_folder_of_another_user_to_root(self, entered: Path, place: str) -> None:
        """Who may write everything, and would list no session and end none."""
        folder = entered / "sessions"
        (folder / place).mkdir(parents=True)
        os.chown(folder / place, 65534, 65534)
        with pytest.raises(ConfigurationError) as refused:
            FileSystemStore(folder)
        assert f"{folder / place} belongs to the user 65534, and what this process writes to 0" in (
            str(refused.value)
        )

    def test_notices_a_lock_that_is_never_freed(self, store: FileSystemStore) -> None:
        descriptor = os.open(store.folder / "owners", os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(StoreUnavailable, match="is locked by another process"):
            store.check()
        os.close(descriptor)
        store.check()

    def test_without_posix_it_is_named_and_others_are_spared(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (
            *("backends.filesystem", "backends.files.access"),
            *("backends.sqlite", "backends.sqlite_access.connections"),
        ):
            monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.setitem(sys.modules, "fcntl", None)
        monkeypatch.delattr(os, "register_at_fork")
        make_bare("cookie", SESSION_FILE_DIR=tmp_path)
        for backend, needs in (
            ("filesystem", "files need"),
            ("sqlite", "the file of SQLite needs"),
        ):
            with pytest.raises(ConfigurationError, match=f"^SESSION_BACKEND: {needs}.*POSIX.*$"):
                make_bare(backend, SESSION_FILE_DIR=tmp_path)


def test_a_start_waits_for_those_that_start_with_it(
    store: FileSystemStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many workers at once, on a busy machine: each would end the whole server."""
    monkeypatch.setattr(deadline, "LIMIT_SECONDS", 0)  # a request would not wait
    held = os.open(store.folder / OWNERS, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    waits: list[float] = []

    def free(seconds: float) -> None:
        waits.append(seconds)
        fcntl.flock(held, fcntl.LOCK_UN)

    monkeypatch.setattr("backends.files.access.time.sleep", free)
    try:
        FileSystemStore(store.folder)
    finally:
        os.close(held)
    assert len(waits) == 1
