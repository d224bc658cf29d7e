"""Harnesses for sessions in files, with one or with many sessions in a file."""

import os
import resource
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import chain
from pathlib import Path
from threading import get_ident
from typing import Any
from urllib.parse import unquote, urlsplit

from app.lab.claim import Skipped
from app.lab.stores.database import BESIDE, change_row, is_database, read_rows
from app.lab.stores.harness import Change, StoreHarness

WATCHED_EVENTS = frozenset(
    {
        "open",
        "os.link",
        "os.listdir",
        "os.mkdir",
        "os.remove",
        "os.rename",
        "os.scandir",
        "os.truncate",
        "os.utime",
        "sqlite3.connect",
    }
)
"""Audit events of the interpreter for operations on files that cost a disk access.

There are none from C code that uses an open file, such as each statement of SQLite.
"""

RECORDS_SHARE_FILES = (
    "Several records share a file, and the laboratory cannot tell them apart in it."
)

ROW = ": "
"""Between a file's name and that of a row in it."""


class FilesHarness(StoreHarness):
    """A folder with a file for each session."""

    def __init__(self, path: Path) -> None:
        super().__init__({"SESSION_FILE_DIR": path}, "A local disk cannot be frozen here.")
        self.path = path

    @contextmanager
    def record_operations(self) -> Iterator[list[str]]:
        """Records what all threads but the current one do with the files."""
        operations: list[str] = []
        laboratory = get_ident()

        def record(event: str, path: str) -> None:
            if get_ident() != laboratory and Path(path).is_relative_to(self.path):
                operations.append(event)

        _listeners().append(record)
        try:
            yield operations
        finally:
            _listeners().remove(record)

    def records(self) -> dict[str, bytes]:
        paths = filter(Path.is_file, sorted(self.path.rglob("*")))
        return dict(chain.from_iterable(map(self._read, paths)))

    def isolated_settings(self) -> Mapping[str, Any]:
        return {"SESSION_FILE_DIR": self.path.with_name(f"{self.path.name}.isolated")}

    def overwrite(self, name: str, data: bytes) -> None:
        (self.path / name).write_bytes(data)

    def corrupt(self, name: str, change: Change) -> None:
        path = self.path / name
        path.write_bytes(change(path.read_bytes()))

    def _read(self, path: Path) -> Iterator[tuple[str, bytes]]:
        """The records of a file, with their names."""
        yield str(path.relative_to(self.path)), path.read_bytes()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        away = self.path.with_name(f"{self.path.name}.away")
        self.path.rename(away)
        try:
            yield
        finally:
            if self.path.exists():  # the application made the folder again
                shutil.rmtree(self.path)
            away.rename(self.path)

    @contextmanager
    def disk_full(self) -> Iterator[None]:
        """The kernel lets no file of the whole process grow, as on a full disk."""
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class SharedFilesHarness(FilesHarness):
    """Files that hold many sessions each. Those of SQLite show which bytes are whose."""

    def _read(self, path: Path) -> Iterator[tuple[str, bytes]]:
        if path.name.endswith(BESIDE):
            return
        if is_database(path):
            name = path.relative_to(self.path)
            yield from ((f"{name}{ROW}{row}", held) for row, held in read_rows(path).items())
        else:
            yield from super()._read(path)

    def overwrite(self, name: str, data: bytes) -> None:
        self.corrupt(name, lambda _: data)

    def corrupt(self, name: str, change: Change) -> None:
        file, _, row = name.partition(ROW)
        if not row:
            raise Skipped(RECORDS_SHARE_FILES)
        change_row(self.path / file, row, change)


@cache
def _listeners() -> list[Callable[[str, str], None]]:
    """The functions that the interpreter's audit hook calls for file operations.

    The first call adds the hook, which costs time at each opened file and cannot be removed.
    """
    listeners: list[Callable[[str, str], None]] = []

    def report(event: str, args: tuple[Any, ...]) -> None:
        if listeners and event in WATCHED_EVENTS and isinstance(args[0], str | bytes | os.PathLike):
            path = os.fsdecode(args[0])
            if path.startswith("file:"):  # as SQLite takes them
                path = unquote(urlsplit(path).path)
            for listener in list(listeners):
                listener(event, path)

    sys.addaudithook(report)
    return listeners
