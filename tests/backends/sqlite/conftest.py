"""A store in a folder of the test's own."""

from pathlib import Path

import pytest

from backends.sqlite import SqliteStore
from tests.support.clock import SetClock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sessions"


@pytest.fixture
def store(folder: Path, clock: SetClock) -> SqliteStore:
    return SqliteStore(folder, clock)
