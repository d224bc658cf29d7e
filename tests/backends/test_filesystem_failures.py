"""A folder of session files that fails: one line says what to do."""

import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backends.filesystem import FileSystemStore
from backends.store import StoreUnavailable
from tests.support.clock import SetClock

FIELDS = {"user": '"alice"'}


@pytest.fixture
def store(tmp_path: Path, clock: SetClock) -> FileSystemStore:
    return FileSystemStore(tmp_path / "sessions", clock)


def key(number: int) -> str:
    return f"{number:064x}"


def become_file(path: Path) -> None:
    shutil.rmtree(path)
    path.touch()


@contextmanager
def few_files() -> Iterator[None]:
    """Let this process open no more files."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (shutil.rmtree, "Put the session folder back, or start again"),
        (become_file, "Move away the file that stands in the place of a folder."),
    ],
)
def test_a_folder_that_is_away(
    store: FileSystemStore, spoil: Callable[[Path], None], says: str
) -> None:
    store.create(key(1), FIELDS, 60)
    spoil(store.folder)
    for act in (
        lambda: store.load(key(1)),
        lambda: store.touch(key(1), 60),
        lambda: store.create(key(2), FIELDS, 60, owner="alice"),
        lambda: store.sessions_of("alice"),
    ):
        with pytest.raises(StoreUnavailable, match=says):
            act()


def test_too_many_open_files(store: FileSystemStore) -> None:
    store.create(key(1), FIELDS, 60)
    with few_files(), pytest.raises(StoreUnavailable, match="open more files"):
        store.load(key(1))


def test_a_full_disk(store: FileSystemStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda *_: 0)
    with pytest.raises(StoreUnavailable, match="Make room on its disk"):
        store.create(key(1), FIELDS, 60)
