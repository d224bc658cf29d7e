"""Sessions in files: one for each, in a folder that only this user may enter."""

import errno
import fcntl
import json
import logging
import os
import secrets
import stat
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from flask import Flask

from backends.record import OWNER, hash_owner, pack, unless_ended, unpack
from backends.server_side import StoreInterface
from backends.settings import session_folder, unwritable_folder
from backends.store import AtRest, Clock, Fields, Record, SessionGone, Store, StoreUnavailable
from backends.throttle import Throttle

logger = logging.getLogger(__name__)

FOLDER_MODE = 0o700
FILE_MODE = 0o600

SHARD_LENGTH = 2
"""Characters of the key that name its shard: a million sessions in 256 folders."""

OWNERS = "owners"
"""The folder of the owners' lists, beside the shards."""

TEMPORARY_SUFFIX = ".tmp"
"""Ends the name of a file that is being written."""

WRITE_TIMEOUT_SECONDS = 60
"""An unfinished file this old was left by a process that died."""

SWEPT_FILES_PER_LOGIN = 4
"""Files checked at each login: enough for ended ones not to pile up, and fast."""

MAX_RECORD_BYTES = 16 * 1024 * 1024
"""A larger file was not written here, and reading it would fill the memory."""


class FileSystemStore(Store):
    """A file for each record, replaced as a whole, under a lock of its shard.

    Writers of one shard take turns by a lock on the shard's folder (`flock`), which leaves no lock
    files behind and ends with its process. Readers take no lock: files are replaced by `rename`, so
    a reader sees the old record or the new one.
    It works for all processes of one machine, not across machines, where `flock` is unreliable.

    Each owner has a folder with an empty file for each session. A record's file has the record's
    end as its modification time, so that sweeping does not open the files of living records.
    """

    steps = 16**SHARD_LENGTH

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Raises `ConfigurationError` if the folder cannot be created or written."""
        self.folder = folder.absolute()
        self.clock = clock
        try:
            self.folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            (self.folder / OWNERS).mkdir(mode=FOLDER_MODE, exist_ok=True)
            probe = self.folder / f"probe.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}"
            _write_file(probe, b"")
            probe.unlink()
        except OSError as error:
            raise unwritable_folder(self.folder, error) from error
        self._sweeper = self._sweep_forever()
        self._sweeper_lock = Lock()

    def create(self, key: str, fields: Fields, ttl: float, owner: str | None = None) -> None:
        path = self._path(key)
        if owner is not None:
            fields = {**fields, OWNER: hash_owner(owner)}
        with _raise_unavailable(), self._shard(path):
            if path.exists():
                raise KeyError(key)
            if owner is not None:
                self._list(hash_owner(owner), key)
            self._write(path, fields, ttl)
        self._sweep_some()

    def load(self, key: str) -> Record | None:
        with _raise_unavailable():
            return unless_ended(self._read(self._path(key)))

    def update(self, key: str, changed: Fields, removed: Collection[str], ttl: float) -> None:
        path = self._path(key)
        with _raise_unavailable(), self._shard(path):
            record = unless_ended(self._read(path))
            if record is None:
                raise SessionGone
            kept = {name: text for name, text in record.fields.items() if name not in removed}
            owner = {} if record.owner is None else {OWNER: record.owner}
            self._write(path, {**kept, **changed, **owner}, ttl)

    def delete(self, key: str) -> bool:
        path = self._path(key)
        with _raise_unavailable(), self._shard(path):
            return self._remove(path, self._read(path))

    def sessions_of(self, owner: str) -> dict[str, Record]:
        folder = self._list_folder(hash_owner(owner))
        with _raise_unavailable(), self._shard(folder):
            keys = [entry.name for entry in folder.iterdir()] if folder.exists() else []
        found = {key: self.load(key) for key in keys}
        with _raise_unavailable():
            for key, record in found.items():
                if record is None:
                    self._unlist_if_ended(hash_owner(owner), key)
        return {key: record for key, record in found.items() if record is not None}

    def sweep(self) -> Iterator[int]:
        for number in range(self.steps):
            with _raise_unavailable():
                yield sum(map(self._remove_if_ended, self._files_of(number)))

    def at_rest(self, key: str) -> AtRest | None:
        path = self._path(key)
        record = self.load(key)
        if record is None:
            return None
        with _raise_unavailable():
            size = path.stat().st_size
        return AtRest(str(path.relative_to(self.folder)), size, record.ttl, record.fields)

    def _path(self, key: str) -> Path:
        return self.folder / key[:SHARD_LENGTH] / key

    def _remove(self, path: Path, record: Record | None) -> bool:
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        if record is not None and record.owner is not None:
            self._unlist(record.owner, path.name)
        return True

    def _read(self, path: Path) -> Record | None:
        """The file's record, ended or not; `None` if there is no file or it is damaged."""
        try:
            return unpack(json.loads(_read_file(path)), self.clock())
        except FileNotFoundError:
            # A missing folder is an outage: it says nothing about the session.
            self.folder.stat()
            return None
        except (ValueError, AttributeError, TypeError, RecursionError) as damage:
            logger.warning("session record %s is damaged: %s", path.name[:12], damage)
            return None

    def _write(self, path: Path, fields: Fields, ttl: float) -> None:
        now = self.clock()
        sealed = pack(fields, now, ttl)
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")
        try:
            _write_file(temporary, json.dumps(sealed).encode())
            temporary.replace(path)
            os.utime(path, (now, now + ttl))
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            raise

    def _list_folder(self, owner: str) -> Path:
        return self.folder / OWNERS / owner

    def _list(self, owner: str, key: str) -> None:
        folder = self._list_folder(owner)
        with self._shard(folder):
            folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
            (folder / key).touch(mode=FILE_MODE)

    def _unlist(self, owner: str, key: str) -> None:
        folder = self._list_folder(owner)
        with self._shard(folder):
            (folder / key).unlink(missing_ok=True)
            # The folder stays while it lists other sessions.
            with suppress(OSError):
                folder.rmdir()

    def _unlist_if_ended(self, owner: str, key: str) -> None:
        path = self._path(key)
        # A login in progress has listed its session before writing it: wait for its lock.
        with self._shard(path):
            if unless_ended(self._read(path)) is None:
                self._unlist(owner, key)

    def _files_of(self, number: int) -> list[Path]:
        shard = self.folder / f"{number:0{SHARD_LENGTH}x}"
        # A crash at the start may have left its probe beside the shards.
        probes = self.folder.glob(f"*{TEMPORARY_SUFFIX}") if number == 0 else ()
        return [*probes, *(shard.iterdir() if shard.exists() else ())]

    def _remove_if_ended(self, path: Path) -> bool:
        """Remove the file if its record ended or a crashed writer left it unfinished."""
        now = self.clock()
        try:
            modified = path.lstat().st_mtime
        except FileNotFoundError:
            return False
        if path.name.endswith(TEMPORARY_SUFFIX):
            return modified + WRITE_TIMEOUT_SECONDS < now and self._remove(path, None)
        if modified > now:
            return False
        with self._shard(path):
            # It may have been touched meanwhile: under the lock, the record's own expiry decides.
            record = self._read(path)
            return unless_ended(record) is None and self._remove(path, record)

    def _sweep_forever(self) -> Iterator[None]:
        while True:
            for number in range(self.steps):
                yield
                for path in self._files_of(number):
                    self._remove_if_ended(path)
                    yield

    def _sweep_some(self) -> None:
        """Check a few files, so that ended records go without a scheduled job."""
        if not self._sweeper_lock.acquire(blocking=False):
            return
        try:
            for _ in range(SWEPT_FILES_PER_LOGIN):
                next(self._sweeper)
        except OSError as error:
            self._sweeper = self._sweep_forever()
            logger.warning("sweeping the session folder failed: %s", error)
        finally:
            self._sweeper_lock.release()

    @contextmanager
    def _shard(self, path: Path) -> Iterator[None]:
        """Hold the lock of the folder of `path`; create the folder if it is missing.

        To avoid deadlocks, lock a record's shard before the folder of owners, never after it.
        """
        with suppress(FileExistsError):
            path.parent.mkdir(mode=FOLDER_MODE)
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def install(app: Flask, clock: Clock) -> StoreInterface:
    """Keep sessions in `SESSION_FILE_DIR`. Raises `ConfigurationError`."""
    return StoreInterface(app, FileSystemStore(session_folder(app), clock), clock)


_error_log = Throttle()


@contextmanager
def _raise_unavailable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        unavailable = StoreUnavailable(f"session folder: {error}")
        if _error_log.admit() is not None:
            logger.error("%s", unavailable)
        raise unavailable from error


def _write_file(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        if file.write(data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _read_file(path: Path) -> bytes:
    """The bytes of a session file. Raises `ValueError` for any other file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ValueError("it is a symbolic link") from error
        raise
    try:
        _check_file(os.fstat(descriptor))
        return os.read(descriptor, MAX_RECORD_BYTES)
    finally:
        os.close(descriptor)


def _check_file(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is not a regular file")
    if status.st_uid != os.geteuid():
        raise ValueError("it belongs to another user")
    if status.st_size > MAX_RECORD_BYTES:
        raise ValueError(f"it has {status.st_size} bytes")
