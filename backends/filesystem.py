"""Sessions as files: one a session, readable with `cat`, below a folder that only we may enter."""

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

from backends.record import OWNER, living, name_of, pack, unpack
from backends.server_side import StoreInterface
from backends.settings import ConfigurationError
from backends.store import (
    AtRest,
    Clock,
    Fields,
    Record,
    SessionGone,
    Store,
    StoreUnavailable,
)
from backends.throttle import Throttle

logger = logging.getLogger(__name__)

FOLDER_MODE = 0o700
FILE_MODE = 0o600

SHARD_LENGTH = 2
"""Letters of the key that name its shard: 256 folders keep each small with a million sessions."""

OWNERS = "owners"
"""The folder of the owners' lists, beside the shards."""

TEMPORARY = ".tmp"
"""Ends the name of a file that is being written."""

ABANDONED = 60
"""Seconds after which a file that is still being written belongs to a process that died."""

SWEPT_AT_A_LOGIN = 4
"""Files looked at when a session begins: more go than come, and a login stays as fast as ever."""

MOST_BYTES = 16 * 1024 * 1024
"""A larger file is not one of ours, and reading it would fill the memory."""


class FileSystemStore(Store):
    """A file for every record, replaced as a whole, under a lock of its shard.

    Writers of one shard take turns by a lock on the shard's folder (`flock`), which leaves no lock
    files behind and ends with the process that held it. Readers take no lock: a file is only ever
    replaced by `rename`, so they see the old record or the new one.
    Works for all processes of one machine; not across machines, where `flock` is not dependable.

    An owner's sessions are listed by empty files in a folder of his. A file's modification time is
    the end of its record, so that sweeping opens no file that lives.
    """

    steps = 16**SHARD_LENGTH

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Raises `ConfigurationError` where the folder cannot be made or written."""
        self.folder = folder.absolute()
        self.clock = clock
        try:
            self.folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            (self.folder / OWNERS).mkdir(mode=FOLDER_MODE, exist_ok=True)
            _probe(self.folder)
        except OSError as error:
            raise ConfigurationError(
                f"SESSION_FILE_DIR: sessions cannot be written to {self.folder} "
                f"({error.strerror}). Give a folder that this user may write."
            ) from error
        self._sweeper = self._sweep_forever()
        self._sweeper_lock = Lock()

    def create(self, key: str, fields: Fields, ttl: float, owner: str | None = None) -> None:
        path = self._path(key)
        if owner is not None:
            fields = {**fields, OWNER: name_of(owner)}
        with _available(), self._shard(path):
            if path.exists():
                raise KeyError(key)
            if owner is not None:
                self._list(name_of(owner), key)
            self._write(path, fields, ttl)
        self._sweep_a_little()

    def load(self, key: str) -> Record | None:
        with _available():
            return living(self._read(self._path(key)))

    def update(self, key: str, changed: Fields, removed: Collection[str], ttl: float) -> None:
        path = self._path(key)
        with _available(), self._shard(path):
            record = living(self._read(path))
            if record is None:
                raise SessionGone
            kept = {name: text for name, text in record.fields.items() if name not in removed}
            marks = {} if record.owner is None else {OWNER: record.owner}
            self._write(path, {**kept, **changed, **marks}, ttl)

    def delete(self, key: str) -> bool:
        path = self._path(key)
        with _available(), self._shard(path):
            return self._remove(path, self._read(path))

    def sessions_of(self, owner: str) -> dict[str, Record]:
        folder = self._list_folder(name_of(owner))
        with _available(), self._shard(folder):
            keys = [entry.name for entry in folder.iterdir()] if folder.exists() else []
        found = {key: self.load(key) for key in keys}
        with _available():
            for key, record in found.items():
                if record is None:
                    self._unlist_if_ended(name_of(owner), key)
        return {key: record for key, record in found.items() if record is not None}

    def sweep(self) -> Iterator[int]:
        for number in range(self.steps):
            with _available():
                yield sum(map(self._remove_if_ended, self._files_of(number)))

    def at_rest(self, key: str) -> AtRest | None:
        path = self._path(key)
        record = self.load(key)
        if record is None:
            return None
        with _available():
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
        """The record of the file, ended or not; `None` where there is none that can be read."""
        try:
            return unpack(json.loads(_read_file(path)), self.clock())
        except FileNotFoundError:
            # A folder that is gone says nothing about the session: that is an outage.
            self.folder.stat()
            return None
        except (ValueError, AttributeError, TypeError, RecursionError) as damage:
            logger.warning("session record %s is damaged: %s", path.name[:12], damage)
            return None

    def _write(self, path: Path, fields: Fields, ttl: float) -> None:
        now = self.clock()
        sealed = pack(fields, now, ttl)
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}{TEMPORARY}")
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
            # Rows of his other sessions keep the folder.
            with suppress(OSError):
                folder.rmdir()

    def _unlist_if_ended(self, owner: str, key: str) -> None:
        path = self._path(key)
        # A login that is under way has the row before the record: its lock is waited for.
        with self._shard(path):
            if living(self._read(path)) is None:
                self._unlist(owner, key)

    def _files_of(self, number: int) -> list[Path]:
        shard = self.folder / f"{number:0{SHARD_LENGTH}x}"
        # A start that crashed may have left its probe beside the shards.
        probes = self.folder.glob(f"*{TEMPORARY}") if number == 0 else ()
        return [*probes, *(shard.iterdir() if shard.exists() else ())]

    def _remove_if_ended(self, path: Path) -> bool:
        """Remove a record whose time is over, or a file that a crashed writer left."""
        now = self.clock()
        try:
            written = path.lstat().st_mtime
        except FileNotFoundError:
            return False
        if path.name.endswith(TEMPORARY):
            return written + ABANDONED < now and self._remove(path, None)
        if written > now:
            return False
        with self._shard(path):
            # It may have been renewed since: under the lock its own expiry decides.
            record = self._read(path)
            return living(record) is None and self._remove(path, record)

    def _sweep_forever(self) -> Iterator[None]:
        while True:
            for number in range(self.steps):
                yield
                for path in self._files_of(number):
                    self._remove_if_ended(path)
                    yield

    def _sweep_a_little(self) -> None:
        """Look at a few files, so that ended records go without a job that somebody must run."""
        if not self._sweeper_lock.acquire(blocking=False):
            return
        try:
            for _ in range(SWEPT_AT_A_LOGIN):
                next(self._sweeper)
        except OSError as error:
            self._sweeper = self._sweep_forever()
            logger.warning("sweeping the session folder failed: %s", error)
        finally:
            self._sweeper_lock.release()

    @contextmanager
    def _shard(self, path: Path) -> Iterator[None]:
        """Hold the lock of the folder that `path` lies in; made where it is the first one there.

        A record's shard is locked before the folder of the owners' lists, never after it.
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
    """Sessions below `SESSION_FILE_DIR`. Raises `ConfigurationError` where it cannot be used."""
    folder = app.config.get("SESSION_FILE_DIR")
    if not folder:
        raise ConfigurationError("SESSION_FILE_DIR is not set: name the folder for the sessions.")
    return StoreInterface(app, FileSystemStore(Path(folder), clock), clock)


_log = Throttle()


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        unavailable = StoreUnavailable(f"session folder: {error}")
        if _log.due() is not None:
            logger.error("%s", unavailable)
        raise unavailable from error


def _probe(folder: Path) -> None:
    probe = folder / f"probe.{secrets.token_hex(4)}{TEMPORARY}"
    _write_file(probe, b"")
    probe.unlink()


def _write_file(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        if file.write(data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _read_file(path: Path) -> bytes:
    """The bytes of a file that we wrote. Raises `ValueError` for anything else under that name."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ValueError("it is a symbolic link") from error
        raise
    try:
        _check_ours(os.fstat(descriptor))
        return os.read(descriptor, MOST_BYTES)
    finally:
        os.close(descriptor)


def _check_ours(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is not a regular file")
    if status.st_uid != os.geteuid():
        raise ValueError("it belongs to another user")
    if status.st_size > MOST_BYTES:
        raise ValueError(f"it has {status.st_size} bytes")
