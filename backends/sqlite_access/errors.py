"""SQLite's errors by their names, and what to do about each."""

BUSY = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL"})
"""Another process has its turn."""

GOES_ON = BUSY | {"SQLITE_FULL", "SQLITE_IOERR"}
"""The connection can still be used, to read at least."""

LET_WRITE = (
    "Let the user of this process read and write it, its -wal and -shm and their folder "
    "(chown -R, chmod -R u+rwX), and open more files (ulimit -n)."
)
RESTORE = (
    "Stop all processes, move it away with its -wal and -shm, put a copy there or none, and start "
    "again: without a copy its sessions are lost."
)
ADVICE = {
    "SQLITE_BUSY": "If this goes on, find the process that stands still (lsof) and end it.",
    "SQLITE_FULL": "Make room on its disk.",
    "SQLITE_IOERR": "Make room on its disk, or find out what is wrong with it.",
    "SQLITE_ERROR": RESTORE,  # its table or a column of it is gone
    "SQLITE_CORRUPT": RESTORE,
    "SQLITE_NOTADB": RESTORE,
    "SQLITE_READONLY": LET_WRITE,
    "SQLITE_CANTOPEN": LET_WRITE,
}
"""What to do, by the error's name."""


def name_of(error: Exception) -> str:
    """The name without what extends it, as `SQLITE_IOERR`; empty for any other error."""
    return "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])


def advise(error: Exception) -> str:
    """What to do about it; empty if the error says it, or nobody knows."""
    if isinstance(error, FileNotFoundError):
        return RESTORE
    if isinstance(error, PermissionError):
        return LET_WRITE
    return ADVICE.get(name_of(error), "")
