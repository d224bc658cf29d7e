"""Rows of SQLite files, as the records that they are."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

BESIDE = ("-wal", "-shm", "-journal")
"""End the names of the files that SQLite has beside a database: its rows show what is in them."""


class DatabaseRow(NamedTuple):
    """A row of a table, by its number there, and what each of its columns holds."""

    table: str
    number: int
    held: Mapping[str, object]

    @property
    def name(self) -> str:
        return f"{self.table} {self.number}"


def is_database(path: Path) -> bool:
    """Whether the file is one of SQLite's.

    SQLite says so: to open and close the file here would take the locks of the application, which
    is in this process, away (https://sqlite.org/howtocorrupt.html, 2.2).
    """
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        try:
            return bool(database.execute("PRAGMA schema_version").fetchone()[0])
        except sqlite3.DatabaseError:
            return False


def read_rows(path: Path) -> dict[str, bytes]:
    """All that each row holds, by its name."""
    with closing(sqlite3.connect(path)) as database:
        rows = _list_rows(database)
        return {row.name: b"\n".join(map(_to_bytes, row.held.values())) for row in rows}


def change_row(path: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    """Change what is kept in the row of that name, and not its key: bytes, or its longest text."""
    with closing(sqlite3.connect(path)) as database, database:
        row = next(each for each in _list_rows(database) if each.name == name)
        column = max(row.held, key=lambda each: _rank(row.held[each]))
        database.execute(
            f'UPDATE "{row.table}" SET "{column}"=? WHERE rowid=?',  # noqa: S608 - its own
            (change(_to_bytes(row.held[column])), row.number),
        )


def copy_row(path: Path, times: int, make_name_like: Callable[[str], str]) -> None:
    """Add copies of the last row. Each text in it is a name, and gets another of the same form."""
    with closing(sqlite3.connect(path)) as database, database:
        *_, row = _list_rows(database)
        columns = database.execute(f'PRAGMA table_info("{row.table}")').fetchall()
        names = [name for _, name, kind, *_ in columns if kind != "INTEGER"]
        held = [row.held[name] for name in names]
        copies = (
            [make_name_like(each) if isinstance(each, str) else each for each in held]
            for _ in range(times)
        )
        quoted, signs = ",".join(f'"{name}"' for name in names), ",".join("?" * len(names))
        database.executemany(
            f'INSERT INTO "{row.table}" ({quoted}) VALUES ({signs})',  # noqa: S608 - its own
            copies,
        )


def write_log_back(path: Path) -> None:
    """Let what stands in the log be in the file, and nothing in the log."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _list_rows(database: sqlite3.Connection) -> Iterator[DatabaseRow]:
    found = "SELECT name FROM sqlite_schema WHERE type='table' AND name NOT LIKE 'sqlite_%'"
    for (table,) in database.execute(found).fetchall():
        rows = database.execute(f'SELECT rowid, * FROM "{table}"')  # noqa: S608 - its own
        names = [column[0] for column in rows.description[1:]]
        for number, *values in rows.fetchall():
            yield DatabaseRow(table, number, dict(zip(names, values, strict=True)))


def _rank(value: object) -> tuple[bool, bool, int]:
    return isinstance(value, bytes), isinstance(value, str), len(_to_bytes(value))


def _to_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
