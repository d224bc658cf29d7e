"""The lists of owners' sessions: a folder for each owner, and an empty file for each session."""

# Pathlib costs more than the calls themselves:
# ruff: noqa: PTH102, PTH106, PTH108, PTH116

import os
from contextlib import suppress

from backends.files.access import FILE_MODE, FOLDER_MODE, WRITE_FLAGS, hold_lock
from backends.store import Clock
from backends.timing.deadline import seconds_left

NANOSECONDS = 1_000_000_000


class OwnerLists:
    """The keys of each owner's records, in the order in which they came into the list.

    A row has a later modification time than the row before it, and its folder has that of its
    newest row: the order holds if a clock is set back, and a new row looks at no other.
    All of that is done under one lock, the lock of the folder of all lists.
    """

    def __init__(self, folder: str, clock: Clock, step: int) -> None:
        """`step` is a difference of times that the file system keeps, in nanoseconds."""
        self.folder = folder
        self.clock = clock
        self.step = step

    def add(self, owner: str, key: str) -> None:
        """Add the key at the end; a key that is in the list keeps its place."""
        folder = f"{self.folder}/{owner}"
        with hold_lock(self.folder, seconds_left()):
            newest = _modified(folder)
            try:
                row = os.open(f"{folder}/{key}", WRITE_FLAGS, FILE_MODE)
            except FileExistsError:
                return
            now = int(self.clock() * NANOSECONDS)
            time = max(now, newest + self.step)
            try:
                os.utime(row, ns=(time, time))
            finally:
                os.close(row)
            os.utime(folder, ns=(time, time))

    def has(self, owner: str, key: str) -> bool:
        """Whether the key is in the list. Takes no lock."""
        return os.path.lexists(f"{self.folder}/{owner}/{key}")

    def remove(self, owner: str, key: str) -> None:
        """Remove the key if it is there, and the list if it is empty."""
        folder = f"{self.folder}/{owner}"
        with hold_lock(self.folder, seconds_left()), suppress(FileNotFoundError):
            modified = os.stat(folder).st_mtime_ns
            with suppress(FileNotFoundError):
                os.unlink(f"{folder}/{key}")
            try:
                os.rmdir(folder)
            except OSError:  # it lists other sessions
                os.utime(folder, ns=(modified, modified))

    def keys(self, owner: str) -> list[str]:
        """The owner's keys, the oldest row first."""
        with hold_lock(self.folder, seconds_left()), suppress(FileNotFoundError):
            with os.scandir(f"{self.folder}/{owner}") as entries:
                rows = [(row.stat(follow_symlinks=False).st_mtime_ns, row.name) for row in entries]
            return [name for _, name in sorted(rows)]
        return []


def _modified(folder: str) -> int:
    """When the folder of a list was modified, in nanoseconds; makes it if it is missing."""
    try:
        return os.stat(folder).st_mtime_ns
    except FileNotFoundError:
        os.mkdir(folder, FOLDER_MODE)
        return 0
