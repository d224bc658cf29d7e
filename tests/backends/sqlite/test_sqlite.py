"""Sessions in one SQLite file: its mode, its log, its tables, its turns, and files of others."""

import gc
import os
import sqlite3
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.lab.measuring import call_in_parallel
from backends.settings import ConfigurationError
from backends.sqlite import FILE, SqliteStore
from backends.sqlite_access.errors import LET_WRITE, RESTORE
from backends.store import StoreUnavailable
from backends.timing.deadline import LIMIT_SECONDS
from tests.backends.records import FIELDS, key
from tests.backends.sqlite.conftest import close, count, opened
from tests.support.clock import SetClock
from tests.support.failures import become_folder, become_link, give_away


def test_only_the_processes_user_may_read_it(store: SqliteStore, folder: Path) -> None:
    store.create(key(1), FIELDS, 60, owner="alice")
    paths = [folder, *folder.rglob("*")]
    file = folder / FILE
    assert {*paths} == {folder, file.parent, file, Path(f"{file}-wal"), Path(f"{file}-shm")}
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in paths}
    assert modes == {(True, 0o700), (False, 0o600)}


def test_it_is_one_file_when_nobody_has_it_open(folder: Path) -> None:
    store = SqliteStore(folder)
    store.create(key(1), FIELDS, 60)
    del store
    gc.collect()
    assert [*(folder / FILE).parent.iterdir()] == [folder / FILE]
    assert SqliteStore(folder).load(key(1)) is not None


class TestSweeping:
    def test_they_go_in_parts(self, store: SqliteStore, folder: Path, clock: SetClock) -> None:
        for number in range(300):
            store.create(key(number), FIELDS, 60 if number % 3 else 600)
        clock.forward(60)
        removed = list(store.sweep())
        assert (len(removed), sum(removed), max(removed)) == (store.steps, 200, 2)
        assert (sum(store.sweep()), count(folder)) == (0, 100)

    def test_logins_remove_more_than_they_leave(
        self, store: SqliteStore, folder: Path, clock: SetClock
    ) -> None:
        for number in range(90):
            if number == 60:
                clock.forward(60)
            store.create(key(number), FIELDS, 60)
        assert count(folder) == 30

    @pytest.mark.usefixtures("store")
    def test_nothing_looks_through_all_of_them(self, folder: Path) -> None:
        with opened(folder) as database:
            for query, index in (
                ("data FROM sessions WHERE key=?", "sqlite_autoindex_sessions_1"),
                ("key, data FROM sessions WHERE owner=? ORDER BY number", "of_owner"),
                ("number FROM sessions WHERE ends<=? ORDER BY ends LIMIT 2", "by_end"),
            ):
                explained = database.execute(f"EXPLAIN QUERY PLAN SELECT {query}", ("1",))
                (step,) = explained.fetchall()
                assert step[-1].startswith("SEARCH sessions USING")
                assert index in step[-1]


class TestTurns:
    def test_who_reads_waits_for_nobody(self, store: SqliteStore, folder: Path) -> None:
        store.create(key(1), FIELDS, 60)
        with opened(folder) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("DELETE FROM sessions")
            begun = time.monotonic()
            assert store.load(key(1)) is not None
            assert time.monotonic() - begun < LIMIT_SECONDS
            other.execute("ROLLBACK")

    def test_a_process_that_keeps_its_turn_is_named_within_the_deadline(
        self, store: SqliteStore, folder: Path
    ) -> None:
        store.create(key(1), FIELDS, 60)
        with opened(folder) as other:
            other.execute("BEGIN IMMEDIATE")
            begun = time.monotonic()
            writes = [lambda: refusal(lambda: store.touch(key(1), 60))] * 8
            reasons = call_in_parallel(*writes)
            assert time.monotonic() - begun < 2 * LIMIT_SECONDS
            other.execute("ROLLBACK")
        assert any("database is locked. If this goes on, find the process" in r for r in reasons)
        store.touch(key(1), 60)


def refusal(act: Callable[[], Any]) -> str:
    with pytest.raises(StoreUnavailable) as refused:
        act()
    return refused.value.reason


def truncate(path: Path) -> None:
    path.write_bytes(b"")


def overwrite(path: Path) -> None:
    path.write_bytes(b"no database at all, and longer than its first line" * 100)


SPOILS: dict[Callable[[Path], object], str] = {
    Path.unlink: f"No such file or directory: '{{path}}'. {RESTORE}",
    overwrite: f"is not a database. {RESTORE}",
    truncate: f"no such table: sessions. {RESTORE}",
    become_link: f"it is no regular file. {RESTORE}",
    become_folder: f"it is no regular file. {RESTORE}",
    give_away: f"it belongs to the user 65534. {LET_WRITE}",
}


class TestAnotherFile:
    """It is a failure of the system: nobody is logged out by it, and one line says what to do."""

    @pytest.mark.parametrize(("spoil", "says"), SPOILS.items())
    def test_while_it_runs(
        self, store: SqliteStore, folder: Path, spoil: Callable[[Path], None], says: str
    ) -> None:
        store.create(key(1), FIELDS, 60)
        close(store)
        path = folder / FILE
        whole = path.read_bytes()
        spoil(path)
        for act in (
            lambda: store.load(key(1)),
            lambda: store.touch(key(1), 60),
            lambda: store.create(key(2), FIELDS, 60),
            lambda: store.sessions_of("alice"),
        ):
            assert refusal(act).endswith(says.format(path=str(path)))
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)
        path.write_bytes(whole)
        assert store.load(key(1)) is not None

    def test_one_that_took_its_place_is_found_at_once(
        self, store: SqliteStore, folder: Path, clock: SetClock
    ) -> None:
        """A connection would go on with the old file, which no other process sees."""
        store.create(key(1), FIELDS, 60)
        other = SqliteStore(folder.with_name("restored"), clock)
        other.create(key(2), FIELDS, 60)
        close(other)
        for path in (folder / FILE).parent.iterdir():
            path.unlink()
        (other.path).rename(folder / FILE)
        assert (store.load(key(1)), store.load(key(2)) is None) == (None, False)

    def test_when_it_starts(self, folder: Path, clock: SetClock) -> None:
        for spoil in (overwrite, become_link, become_folder):
            other = folder.with_name(spoil.__name__)
            close(SqliteStore(other, clock))
            spoil(other / FILE)
            with pytest.raises(ConfigurationError, match="SESSION_FILE_DIR: ") as refused:
                SqliteStore(other)
            assert "\n" not in str(refused.value)

    def test_of_another_program_or_a_later_version_is_left_alone(self, folder: Path) -> None:
        (folder / FILE).parent.mkdir(parents=True)
        with opened(folder) as database:
            database.execute("CREATE TABLE sessions (id)")
        with pytest.raises(ConfigurationError, match="is of another program"):
            SqliteStore(folder)
        later = SqliteStore(folder.with_name("later"))
        with opened(later.path.parents[1]) as database:
            database.execute("PRAGMA user_version=2")
        with pytest.raises(ConfigurationError, match=r"version 2, .* newer version\.$"):
            SqliteStore(later.path.parents[1])

    def test_of_a_start_that_died_is_taken(self, folder: Path) -> None:
        (folder / FILE).parent.mkdir(parents=True)
        (folder / FILE).touch()
        store = SqliteStore(folder)
        store.create(key(1), FIELDS, 60)
        assert store.load(key(1)) is not None

    def test_is_made_once_by_processes_that_start_together(self, folder: Path) -> None:
        stores = call_in_parallel(*[lambda: SqliteStore(folder)] * 8)
        stores[0].create(key(1), FIELDS, 60)
        assert all(store.load(key(1)) is not None for store in stores)


def test_a_row_with_a_damaged_key_keeps_nobody_out(store: SqliteStore, folder: Path) -> None:
    for number in (1, 2, 3):
        store.create(key(number), FIELDS, 60, owner="alice")
    with opened(folder) as database:
        database.execute("UPDATE sessions SET key=CAST(x'ff00ff' AS TEXT) WHERE number=1")
        database.execute("UPDATE sessions SET key=x'00ff' WHERE number=2")
    assert store.sessions_of("alice").keys() == {key(3)}
    store.create(key(4), FIELDS, 60, owner="alice")
    assert len(store.end_oldest("alice", key(4), 1)) == 3
    assert store.sessions_of("alice").keys() == {key(4)}


def test_no_row_lives_for_ever_and_one_without_bytes_is_none(
    store: SqliteStore, folder: Path
) -> None:
    store.create(key(1), FIELDS, 60, owner="alice")
    with opened(folder) as database:
        for ends in ("text", float("inf"), b"bytes"):
            with pytest.raises(sqlite3.IntegrityError):
                database.execute("UPDATE sessions SET ends=?", (ends,))
        for planted in ("text", 5, 1.5):
            database.execute("UPDATE sessions SET data=?", (planted,))
            assert store.load(key(1)) is None
            assert store.sessions_of("alice") == {}
    assert store.delete(key(1))


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    names = ("a?b", "a#b", "a%20b", "a b", "ä", "a\nb", "a&b=c", os.fsdecode(b"\xff"))
    for folder in (*(tmp_path / name for name in names), Path(f"/{tmp_path}")):
        store = SqliteStore(folder)
        store.create(key(1), FIELDS, 60)
        assert store.load(key(1)) is not None
        assert (folder / FILE).exists()
