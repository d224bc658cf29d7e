"""Session files: written as a whole, read only if they can be trusted, locked by folder.

Raises `ConfigurationError` at import on a system without file locks.
"""

# Pathlib costs more than the calls themselves, and `suppress` as much as some:
# ruff: noqa: PTH102, PTH105, PTH106, PTH108, SIM105

import errno
import os
import stat
import time
from contextlib import suppress

from backends.settings import ConfigurationError
from backends.timing.turns import Turns

try:
    import fcntl
except ImportError as error:
    raise ConfigurationError(
        "SESSION_BACKEND: files need the file locks of a POSIX system (fcntl), which this one "
        "lacks. Choose cookie or redis."
    ) from error

FOLDER_MODE = 0o700
FILE_MODE = 0o600

SHARD_LENGTH = 2
"""Characters of the key that name its shard: a million sessions in 256 folders."""

TEMPORARY_SUFFIX = ".tmp"
"""Ends the name of a file that is being written."""

MAX_RECORD_BYTES = 64 * 1024 * 1024
"""The largest file that is read: a larger one was not written here and would fill the memory."""

MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.0002, 0.001
"""Between two tries of a lock. The pause grows, so that a long wait costs little CPU, and stays
short: a busy lock is free for moments only, and only many tries find one within the deadline."""

LET_WRITE = (
    "Give the session folder and its files to the user of this process (chown -R), and let that "
    "user write them (chmod -R u+rwX)."
)
ADVICE = {
    errno.ENOENT: "Put the session folder back, or start again: without a copy its sessions are "
    "lost.",
    errno.ENOTDIR: "Move away the file that stands in the place of a folder.",
    errno.ENOSPC: "Make room on its disk.",
    errno.EDQUOT: "Make room on its disk for the user of this process.",
    errno.EFBIG: "Let this process write larger files (ulimit -f).",
    errno.EIO: "Find out what is wrong with its disk.",
    errno.EROFS: "Take a disk that can be written.",
    errno.EACCES: LET_WRITE,
    errno.EPERM: LET_WRITE,
    errno.EMFILE: "Let this process open more files (ulimit -n).",
    errno.ENFILE: "Let this machine open more files (sysctl fs.file-max).",
}
"""What to do, by the number of the system's error."""

READ_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class UntrustedFileError(OSError):
    """A file that cannot be trusted or read: it says nothing about its session."""

    def __init__(self, path: str, reason: str, advice: str) -> None:
        super().__init__(f"{path} {reason}. {advice}")


def read_file(path: str, new_uid: int) -> bytes:
    """The bytes of a session file of this process's user, or of `new_uid`.

    Raises `FileNotFoundError`, and `UntrustedFileError` for a file that was not written here.
    """
    try:
        descriptor = os.open(path, READ_FLAGS)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _explain(path, error) from error
    try:
        status = os.fstat(descriptor)
        _check_file(path, status, new_uid)
        data = os.read(descriptor, status.st_size)
        while len(data) < status.st_size and (more := os.read(descriptor, status.st_size)):
            data += more  # a network's file system may return less than was asked for
        return data
    finally:
        os.close(descriptor)


def replace_file(path: str, data: bytes, times: tuple[float, float]) -> None:
    """Write the file as a whole, with its times of access and modification."""
    temporary = f"{path}.{os.urandom(4).hex()}{TEMPORARY_SUFFIX}"
    try:
        descriptor = os.open(temporary, WRITE_FLAGS, FILE_MODE)
        try:
            written = os.write(descriptor, data)
            while written < len(data):
                written += os.write(descriptor, data[written:])  # raises what there is no room for
        finally:
            os.close(descriptor)  # where a network's file system says that it has no room
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    try:
        # Under its own name only: a crash before would leave a file that looks unfinished until
        # those times.
        os.utime(path, times)
    except OSError:
        pass  # it is written; without those times each sweep opens it


def remove_file(path: str) -> bool:
    """Remove what is there: a link instead of its target, and an empty folder too."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    except (IsADirectoryError, PermissionError):  # POSIX: a folder is EPERM
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise
        _remove_folder(path)
    return True


def _remove_folder(path: str) -> None:
    try:
        os.rmdir(path)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        raise UntrustedFileError(path, "is a folder with files in it", "Move it away.") from error


_turns = Turns()
"""Locks for the threads of a process, by process and folder.

The lock of a file can only be polled, and of many threads that poll one never finds it free.
"""


class hold_lock:  # noqa: N801 - used as a function; a generator would cost three times as much
    """Hold the lock of the folder, which is made if it is missing.

    Raises `TimeoutError` if another has the lock for longer than `seconds`.
    """

    __slots__ = ("_descriptor", "_folder", "_seconds", "_turn")

    def __init__(self, folder: str, seconds: float) -> None:
        self._folder = folder
        self._seconds = seconds

    def __enter__(self) -> None:
        ends = time.monotonic() + self._seconds
        self._turn = _turns[os.getpid(), self._folder]
        if not self._turn.acquire(timeout=max(0.0, self._seconds)):
            raise _still_locked(self._folder)
        try:
            self._descriptor = _open_folder(self._folder)
            try:
                _wait_for_lock(self._descriptor, self._folder, ends)
            except BaseException:
                os.close(self._descriptor)
                raise
        except BaseException:
            self._turn.release()
            raise

    def __exit__(self, *_: object) -> None:
        # To close it is not enough: gevent puts that off, and a child forked meanwhile has it too.
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        except OSError:
            pass  # what was done under it is done; to be closed frees it too
        try:
            os.close(self._descriptor)
        except OSError:
            pass  # it is closed whatever that says (close(2))
        finally:
            self._turn.release()


def _open_folder(folder: str) -> int:
    try:
        return os.open(folder, FOLDER_FLAGS)
    except FileNotFoundError:
        with suppress(FileExistsError):
            os.mkdir(folder, FOLDER_MODE)
        return os.open(folder, FOLDER_FLAGS)


def _wait_for_lock(descriptor: int, folder: str, ends: float) -> None:
    # A wait without an end would hold up every thread if the process with the lock stands still.
    pause = MIN_PAUSE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            left = ends - time.monotonic()
            if left <= 0:
                raise _still_locked(folder) from None
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, MAX_PAUSE_SECONDS)
        else:
            return


def _still_locked(folder: str) -> TimeoutError:
    return TimeoutError(
        f"{folder} is locked by another process. If this goes on, find the process that stands "
        "still (lslocks) and end it."
    )


def _check_file(path: str, status: os.stat_result, new_uid: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UntrustedFileError(path, "is no regular file", "Remove it: its session is lost.")
    uid = status.st_uid
    if uid != new_uid and uid != os.geteuid():
        raise UntrustedFileError(
            path,
            f"belongs to the user {uid}, and not to {os.geteuid()}",
            "Give the session folder and its files to the user of this process (chown -R).",
        )
    if status.st_size > MAX_RECORD_BYTES:
        raise UntrustedFileError(
            path,
            f"has {status.st_size} bytes, and at most {MAX_RECORD_BYTES} are read",
            "Remove it: its session is lost.",
        )


def _explain(path: str, error: OSError) -> OSError:
    """The error of opening a file that is there, with what to do where that is known."""
    if error.errno in (errno.ELOOP, errno.EMLINK):
        advice = "Put its target in its place, or remove it."
        return UntrustedFileError(path, "is a symbolic link", advice)
    if error.errno == errno.ENXIO:
        return UntrustedFileError(path, "is a socket", "Remove it: its session is lost.")
    if isinstance(error, PermissionError):
        advice = (
            "Give the session folder and its files to the user of this process "
            "(chown -R), and let that user read them (chmod -R u+rwX)."
        )
        return UntrustedFileError(path, f"cannot be read ({error.strerror})", advice)
    return error
