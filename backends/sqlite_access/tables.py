"""The tables of the SQLite file, and the file itself."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection

from backends.settings import ConfigurationError

FOLDER_MODE, FILE_MODE = 0o700, 0o600

APPLICATION = 0x53657373
"""Marks the file as one of session records (SQLite's `application_id`)."""

VERSION = 1
"""Of the tables (SQLite's `user_version`)."""

LATEST = 1e12
"""Of the times in the column `ends`."""

TABLES = (
    "CREATE TABLE sessions (number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, owner TEXT, "
    f"ends REAL NOT NULL CHECK (ends BETWEEN 0 AND {LATEST}), data BLOB NOT NULL)",
    "CREATE INDEX of_owner ON sessions (owner, number) WHERE owner IS NOT NULL",
    "CREATE INDEX by_end ON sessions (ends)",
)
"""`number` grows from row to row: it is the order in which an owner's sessions began."""


def make_file(path: Path) -> None:
    """Make an empty file that only this user may read, if there is none.

    Raises `OSError`. It opens none that is there: a process that closes a file loses all its locks
    on it, those of its connections too (https://sqlite.org/howtocorrupt.html, 2.2).
    """
    for folder in (path.parent.parent, path.parent):
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    if os.path.lexists(path):
        return
    made = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    # SQLite would let every user read it. Its log gets the mode of the file.
    os.close(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))
    try:
        with suppress(FileExistsError):  # another process was faster
            os.link(made, path)
    finally:
        made.unlink()


def make_tables(database: Connection) -> None:
    """Make the tables in an empty file. Raises `ConfigurationError` for one of another kind."""
    with database:
        database.execute("BEGIN")  # another process may be making them: all or nothing is seen
        has_tables = _has_tables(database)
    # A copy may have lost the log, without which readers and writers wait for each other.
    (mode,) = database.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != b"wal":
        raise ConfigurationError(
            "SESSION_FILE_DIR: SQLite cannot have a write-ahead log there. Take a local disk."
        )
    if has_tables:
        return
    with database:
        database.execute("BEGIN IMMEDIATE")
        if _has_tables(database):
            return  # another process was faster
        for statement in TABLES:
            database.execute(statement)
        database.execute(f"PRAGMA application_id={APPLICATION}")
        database.execute(f"PRAGMA user_version={VERSION}")


def _has_tables(database: Connection) -> bool:
    """Whether they are there; not in an empty file. Raises `ConfigurationError`."""
    pragmas = ("application_id", "user_version", "schema_version")
    application, version, changes = (
        database.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas
    )
    if application == APPLICATION and version == VERSION:
        return True
    if application == APPLICATION:
        raise ConfigurationError(
            f"SESSION_FILE_DIR: the SQLite file there has tables of version {version}, and this "
            f"version of the package knows {VERSION}. Let all processes run the newer version."
        )
    if changes:
        raise ConfigurationError(
            "SESSION_FILE_DIR: the SQLite file there is of another program. Name another folder."
        )
    return False
