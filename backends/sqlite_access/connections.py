"""Connections to a SQLite file: lent to a thread at a time, none open while the process forks.

Raises `ConfigurationError` at import on a system without the users and forks that it watches.
"""

import os
import sqlite3
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from sqlite3 import Connection
from threading import Lock
from typing import TypeVar
from urllib.parse import quote
from weakref import WeakSet, finalize

from backends.settings import ConfigurationError
from backends.sqlite_access.errors import GOES_ON, LET_WRITE, RESTORE, name_of
from backends.timing.deadline import LIMIT_SECONDS
from backends.timing.turns import Turns

if not hasattr(os, "register_at_fork"):
    raise ConfigurationError(
        "SESSION_BACKEND: the file of SQLite needs the users and processes of a POSIX system, "
        "which this one lacks. Choose cookie or redis."
    )

Result = TypeVar("Result")
File = tuple[int, int]
"""A file, whatever its name: its device and its number there."""

MAX_IDLE = 16
"""Connections that are kept open for the next who needs one: a crowd would leave its own."""

POLL_SECONDS = 0.001


class Connections:
    """The connections of one store. A thread has one to itself while it uses it.

    The next takes the one that was used last: with a connection for each thread, a server that
    starts a thread for each request would open one for each request.
    """

    def __init__(self, path: Path) -> None:
        self._turns = Turns()
        self._has_turn = False
        """Whether the thread that forks has it."""
        self._path = path
        self._idle = list[tuple[File, Connection]]()
        self._lent = list[None]()
        """One for each that is in use: a number would not be counted safely."""
        finalize(self, _close_all, self._idle)
        _watch_forks()
        _all.add(self)

    @property
    def turn(self) -> Lock:
        """Held by the thread that writes: others of this process wait here and not at the file."""
        return self._turns[os.getpid()]

    def lend(self, do: Callable[[Connection], Result]) -> Result:
        """Do it on a connection.

        Raises `sqlite3.Error`, and `OSError` if there is no file, or one of another user or kind.
        """
        file = self._find_file()
        self._lent.append(None)
        try:
            return self._use(file, self._take(file), do)
        finally:
            self._lent.pop()

    def _use(self, file: File, database: Connection, do: Callable[[Connection], Result]) -> Result:
        is_sound = False
        try:
            result = do(database)
            is_sound = True
            return result
        except Exception as error:
            # Without memory it could not even take back what it had begun.
            is_sound = _goes_on(error) and not database.in_transaction
            raise
        finally:
            if is_sound and len(self._idle) < MAX_IDLE:
                self._idle.append((file, database))
            else:
                database.close()

    def close(self) -> None:
        """Close those that nobody uses."""
        _close_all(self._idle)

    def before_fork(self) -> None:
        """Wait until nobody uses one, and close all.

        A child has none of the locks that its parent's connections hold, and SQLite there believes
        that it has (https://sqlite.org/howtocorrupt.html, 2.6).
        """
        self._has_turn = self.turn.acquire(timeout=LIMIT_SECONDS)
        ends = time.monotonic() + LIMIT_SECONDS
        while self._lent and time.monotonic() < ends:
            time.sleep(POLL_SECONDS)
        self.close()

    def after_fork(self) -> None:
        """Let the next of the parent's threads write."""
        if self._has_turn:  # or it is still that of another thread
            self.turn.release()

    def after_fork_in_child(self) -> None:
        """The threads that had connections are not in the child."""
        self._lent.clear()

    def _take(self, file: File) -> Connection:
        while self._idle:
            with suppress(IndexError):  # another thread has taken it
                opened, database = self._idle.pop()
                if opened == file:
                    return database
                database.close()  # of a file that nobody finds any more
        return self._open()

    def _find_file(self) -> File:
        status = os.lstat(self._path)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"it is no regular file. {RESTORE}")
        if status.st_uid != os.geteuid():
            raise OSError(f"it belongs to the user {status.st_uid}. {LET_WRITE}")
        return status.st_dev, status.st_ino

    def _open(self) -> Connection:
        # Any thread may use it, one at a time. It waits for others by itself, and makes no file.
        database = sqlite3.connect(
            f"file://{quote(os.fsencode(self._path))}?mode=rw",
            uri=True,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
        )
        # Damage can make any text, which is no error of the system.
        database.text_factory = bytes
        try:
            database.execute("PRAGMA synchronous=NORMAL")
        except sqlite3.Error:
            database.close()
            raise
        return database


_all: "WeakSet[Connections]" = WeakSet()


@cache
def _watch_forks() -> None:
    os.register_at_fork(
        before=partial(_call_all, Connections.before_fork),
        after_in_parent=partial(_call_all, Connections.after_fork),
        after_in_child=partial(_call_all, Connections.after_fork_in_child),
    )


def _goes_on(error: Exception) -> bool:
    """Whether the connection can be used after it, as after what the caller found there."""
    is_harmless = not isinstance(error, sqlite3.Error) or isinstance(error, sqlite3.IntegrityError)
    return is_harmless or name_of(error) in GOES_ON


def _call_all(step: Callable[[Connections], None]) -> None:
    for each in list(_all):
        step(each)


def _close_all(idle: list[tuple[File, Connection]]) -> None:
    while idle:
        with suppress(IndexError):  # another thread has taken it
            idle.pop()[1].close()
