"""A store in a folder of the test's own, and its file as others see it."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from backends.sqlite import FILE, SqliteStore
from tests.support.clock import SetClock
from tests.support.processes import run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sessions"


@pytest.fixture
def store(folder: Path, clock: SetClock) -> SqliteStore:
    return SqliteStore(folder, clock)


@contextmanager
def opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """The file, as another process has it."""
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as database:
        yield database


def close(store: SqliteStore) -> None:
    """As at the end of its process: all is in the one file."""
    store._connections.close()


def count(folder: Path) -> int:
    with opened(folder) as database:
        return int(database.execute("SELECT count(*) FROM sessions").fetchone()[0])


def look_elsewhere(folder: Path) -> int:
    """How many sessions another process finds, which then closes the file."""
    code = (
        "import sqlite3, sys; database = sqlite3.connect(sys.argv[1]); "
        "print(database.execute('SELECT count(*) FROM sessions').fetchone()[0]); database.close()"
    )
    return int(run([sys.executable, "-c", code, str(folder / FILE)]).stdout)
