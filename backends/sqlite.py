"""Sessions in one SQLite file: no service, and one file to watch."""

import logging
import math
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Any, TypeVar

from flask import Flask

from backends.failure_log import FailureLog
from backends.record import hash_owner, merge, pack, split_created, times_in, unless_ended, unpack
from backends.server_side import StoreInterface
from backends.settings import ConfigurationError, session_folder, unwritable_folder
from backends.sqlite_access.connections import Connections
from backends.sqlite_access.errors import BUSY, READONLY, advise, name_of
from backends.sqlite_access.tables import LATEST, make_file, make_tables
from backends.store import (
    AtRest,
    Clock,
    Fields,
    Record,
    SessionGone,
    Store,
    StoreUnavailable,
    wall_clock,
)
from backends.timing.deadline import one_deadline, seconds_left, time_to_start

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

FILE = "sqlite/sessions.sqlite3"
"""In a folder of its own: Flask-Session removes files that it does not know from its own folder."""

SWEPT_ROWS_PER_LOGIN = 2
"""Ended records that a login removes: enough for them not to pile up, and fast."""

SWEPT_ROWS_AT_ONCE = 200
SWEEP_PAUSE_SECONDS = 0.002
"""A sweep's turns are short, and others have theirs in between."""

MAX_LOG_BYTES = 16 * 1024 * 1024
WRITES_TO_A_LOOK = 256
"""The log only grows while there is always somebody who writes: it is looked at, and shortened."""

MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.0002, 0.001
"""Between two tries while another process writes. SQLite's own pauses grow to a tenth of a second,
so that of many who wait one finds no turn within the deadline."""


class SqliteStore(Store):
    """A row for each record, in the format of the other stores; each verb is one transaction.

    The file has a write-ahead log (WAL): readers wait for nobody, and writers take turns. It works
    for all processes of one machine; on a network's file system WAL does not work. After a power
    failure the last changes may be missing, and nothing else is (`synchronous=NORMAL`).

    A row with damaged data is no session. A file that is damaged, away or of another user is a
    failure of the system, and ends no session. On a full disk no row can be removed either.
    """

    steps = 100

    def __init__(self, folder: Path, clock: Clock = wall_clock) -> None:
        """Raises `ConfigurationError` if the file cannot be made, or is none of this package."""
        self.path = folder.absolute() / FILE
        self.clock = clock
        self._connections = Connections(self.path)
        self._writes = 0
        self._fail: Callable[[str], StoreUnavailable] = StoreUnavailable  # not logged: it is raised
        try:
            make_file(self.path)
        except OSError as error:
            raise unwritable_folder(folder, error) from error
        try:
            with time_to_start():  # another process may read the log of one that was killed
                self._attempt(make_tables)
        except StoreUnavailable as error:
            raise ConfigurationError(f"SESSION_FILE_DIR: {error.reason}") from error
        self._fail = _failures.unavailable

    def create(self, key: str, fields: Fields, ttl: float, owner: str | None = None) -> None:
        hashed = None if owner is None else hash_owner(owner)
        kept, created = split_created(fields)

        def insert(database: Connection) -> None:
            now = self.clock()
            ends = min(now + ttl, LATEST)
            row = (key, hashed, ends, pack(kept, now, ttl, hashed, created))
            database.execute("INSERT INTO sessions (key, owner, ends, data) VALUES (?,?,?,?)", row)
            _delete_ended(database, now, SWEPT_ROWS_PER_LOGIN)

        try:
            self._write_together(insert)
        except sqlite3.IntegrityError as error:
            raise KeyError(key) from error

    def load(self, key: str) -> Record | None:
        return self._attempt(lambda database: self._select(database, key))

    def update(self, key: str, changed: Fields, removed: Collection[str], ttl: float) -> None:
        def change(database: Connection) -> None:
            record = self._select(database, key)
            if record is None:
                raise SessionGone
            data, ends = self._change(record, changed, removed, ttl)
            database.execute("UPDATE sessions SET data=?, ends=? WHERE key=?", (data, ends, key))

        self._write_together(change)

    def update_loaded(
        self, key: str, loaded: Record, changed: Fields, removed: Collection[str], ttl: float
    ) -> None:
        """As `update`, in one statement if the record is still as it was loaded."""
        if times_in(loaded.data)[2] > self.clock():
            new = self._change(loaded, changed, removed, ttl)
            statement = "UPDATE sessions SET data=?, ends=? WHERE key=? AND data=?"
            if self._write(statement, (*new, key, loaded.data)):
                return
        self.update(key, changed, removed, ttl)

    def delete(self, key: str) -> bool:
        return self._write("DELETE FROM sessions WHERE key=?", (key,)) == 1

    def sessions_of(self, owner: str) -> dict[str, Record]:
        statement = "SELECT key, data FROM sessions WHERE owner=? ORDER BY number"
        rows = self._attempt(lambda database: [*database.execute(statement, (hash_owner(owner),))])
        # A key that damage has made another text names no session.
        keys = {key.decode(): data for key, data in rows if key.isascii()}
        records = {key: unless_ended(self._unpack(key, data)) for key, data in keys.items()}
        return {key: record for key, record in records.items() if record is not None}

    def end_oldest(self, owner: str, key: str, limit: int) -> list[str]:
        living = "SELECT number, key FROM sessions WHERE owner=? AND ends>? ORDER BY number"

        def end(database: Connection) -> list[str]:
            rows = [*database.execute(living, (hash_owner(owner), self.clock()))]
            surplus = rows[: max(0, len(rows) - limit)]
            numbers = [(number,) for number, _ in surplus]
            database.executemany("DELETE FROM sessions WHERE number=?", numbers)
            ended = [one.decode("ascii", "replace") for _, one in surplus]
            return ended if key.encode() in [one for _, one in rows] else [*ended, key]

        return self._write_together(end)

    def sweep(self) -> Iterator[int]:
        now, count = self.clock(), "SELECT count(*) FROM sessions WHERE ends<=?"
        ended = self._attempt(lambda database: database.execute(count, (now,)).fetchone()[0])
        for _ in range(self.steps):
            yield self._sweep_part(now, math.ceil(ended / self.steps))

    def _sweep_part(self, now: float, most: int) -> int:
        removed = 0
        while removed < most:
            few = min(SWEPT_ROWS_AT_ONCE, most - removed)
            found = self._write_together(partial(_delete_ended, now=now, most=few))
            removed += found
            time.sleep(SWEEP_PAUSE_SECONDS)
            if found < few:
                break
        return removed

    def location(self) -> str:
        return str(self.path)

    def at_rest(self, key: str) -> AtRest | None:
        record = self.load(key)
        if record is None:
            return None
        return AtRest(f"{FILE}, {key}", len(record.data), record.ttl, dict(record.fields))

    def _select(self, database: Connection, key: str) -> Record | None:
        row = database.execute("SELECT data FROM sessions WHERE key=?", (key,)).fetchone()
        return None if row is None else unless_ended(self._unpack(key, row[0]))

    def _unpack(self, key: str, data: bytes) -> Record | None:
        """The record, ended or not; `None` if it is damaged."""
        try:
            return unpack(bytes(data), self.clock())
        except (TypeError, ValueError) as damage:  # the former for what is not even of bytes
            logger.warning("session record %s is damaged: %s", key[:12], damage)
            return None

    def _change(
        self, record: Record, changed: Fields, removed: Collection[str], ttl: float
    ) -> tuple[bytes, float]:
        """The record's new data, and when it ends."""
        now, fields = self.clock(), merge(record.fields, changed, removed)
        data = pack(fields, now, ttl, record.owner, record.created)
        return data, min(now + ttl, LATEST)

    def _write(self, statement: str, values: tuple[Any, ...]) -> int:
        """The number of rows that the statement changed."""
        with self._turn():
            return self._attempt(lambda database: database.execute(statement, values).rowcount)

    def _write_together(self, do: Callable[[Connection], Result]) -> Result:
        """Do it in one transaction: what it reads stays as it is until it has written."""

        def transaction(database: Connection) -> Result:
            with database:  # commits at the end, or takes all back
                database.execute("BEGIN IMMEDIATE")
                return do(database)

        with self._turn():
            return self._attempt(transaction)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One thread of this process writes at a time: the file's lock can only be polled."""
        with one_deadline():
            if not self._connections.turn.acquire(timeout=max(0.0, seconds_left())):
                raise self._unavailable(TimeoutError("another thread is writing into it"))
            try:
                yield
                self._shorten_log()
            finally:
                self._connections.turn.release()

    def _shorten_log(self) -> None:
        self._writes += 1
        # If it cannot be done now, a later write does it.
        with suppress(sqlite3.Error, OSError):
            if self._writes % WRITES_TO_A_LOOK == 0 and self._log_bytes() > MAX_LOG_BYTES:
                checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)"
                self._connections.lend(lambda database: database.execute(checkpoint).fetchone())

    def _log_bytes(self) -> int:
        return os.stat(f"{self.path}-wal").st_size  # noqa: PTH116 - a path costs more

    def _attempt(self, do: Callable[[Connection], Result]) -> Result:
        """Do it on a connection, again while another process writes, until the deadline.

        Raises `StoreUnavailable` for any other error but that of a key which is taken.
        """
        ends = time.monotonic() + seconds_left()
        pause, was_readonly = MIN_PAUSE_SECONDS, False
        while True:
            try:
                return self._connections.lend(do)
            except sqlite3.IntegrityError:
                raise
            except (sqlite3.Error, OSError) as error:
                if name_of(error) == READONLY and not was_readonly:
                    # Those that were opened while nobody could write it will never write.
                    self._connections.close()
                    was_readonly = True
                    continue
                if name_of(error) not in BUSY or time.monotonic() + pause > ends:
                    raise self._unavailable(error) from error
            time.sleep(pause)
            pause = min(pause * 1.5, MAX_PAUSE_SECONDS)

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        """The error to raise for a failure of SQLite or of the system: logged, but at the start."""
        said = str(error).rstrip(".")
        return self._fail(f"session file {self.path}: {said}. {advise(error)}".rstrip())


_failures = FailureLog(logger)


def _delete_ended(database: Connection, now: float, most: int) -> int:
    statement = (
        "DELETE FROM sessions WHERE number IN "
        "(SELECT number FROM sessions WHERE ends<=? ORDER BY ends LIMIT ?)"
    )
    return database.execute(statement, (now, most)).rowcount


def install(app: Flask, clock: Clock) -> StoreInterface:
    """Keep sessions in a file in `SESSION_FILE_DIR`. Raises `ConfigurationError`."""
    return StoreInterface(app, SqliteStore(session_folder(app), clock), clock)
