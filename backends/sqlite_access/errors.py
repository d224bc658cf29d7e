"""SQLite's errors by their names, and what to do about each."""

BUSY = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL"})
"""Another process has its turn."""

READONLY = "SQLITE_READONLY"

GOES_ON = BUSY | {"SQLITE_FULL", "SQLITE_IOERR"}
"""The connection can still be used, to read at least."""

LET_WRITE = (
    "Let the user of this process read and write it, its -wal and -shm and their folder "
    "(chown -R, chmod -R u+rwX)."
)
RESTORE = (
    "Stop all processes, move it away with its -wal and -shm, put a copy there or none, and start "
    "again: without a copy its sessions are lost."
)
ADVICE = {
    "SQLITE_BUSY": "If this goes on, find the process that stands still (lsof) and end it.",
    "SQLITE_FULL": "Make room on its disk.",
    "SQLITE_IOERR": "Make room on its disk, or let this process write larger files (ulimit -f), or "
    "find out what is wrong with the disk.",
    "SQLITE_ERROR": RESTORE,  # its table or a column of it is gone
    "SQLITE_CORRUPT": RESTORE,
    "SQLITE_NOTADB": RESTORE,
    READONLY: LET_WRITE,
    "SQLITE_CANTOPEN": f"{LET_WRITE} Or let this process open more files (ulimit -n), or make room "
    "on its disk (df, df -i).",
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
