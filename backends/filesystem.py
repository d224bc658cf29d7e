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

from flask import Flask

from backends.configuration import ConfigurationError
from backends.interface import StoreInterface
from backends.record import pack, unpack
from backends.store import (
    AtRest,
    Clock,
    Fields,
    Record,
    SessionGone,
    Store,
    StoreUnavailable,
)

logger = logging.getLogger(__name__)

FOLDER_MODE = 0o700
FILE_MODE = 0o600

SHARD_LENGTH = 2
"""Letters of the key that name its shard: 256 folders keep each small with a million sessions."""

MOST_BYTES = 16 * 1024 * 1024
"""A larger file is not one of ours, and reading it would fill the memory."""


class FileSystemStore(Store):
    """A file for every record, replaced as a whole, under a lock of its shard.

    Writers of one shard take turns by a lock on the shard's folder (`flock`), which leaves no lock
    files behind and ends with the process that held it. Readers take no lock: a file is only ever
    replaced by `rename`, so they see the old record or the new one.
    Works for all processes of one machine; not across machines, where `flock` is not dependable.
    """

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Raises `ConfigurationError` where the folder cannot be made or written."""
        self.folder = folder.absolute()
        self.clock = clock
        try:
            self.folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            _probe(self.folder)
        except OSError as error:
            raise ConfigurationError(
                f"SESSION_FILE_DIR: sessions cannot be written to {self.folder} "
                f"({error.strerror}). Give a folder that this user may write."
            ) from error

    def create(self, key: str, fields: Fields, ttl: float) -> None:
        path = self._path(key)
        with _available(), self._shard(path):
            if path.exists():
                raise KeyError(key)
            self._write(path, fields, ttl)

    def load(self, key: str) -> Record | None:
        with _available():
            return self._read(self._path(key))

    def update(self, key: str, changed: Fields, removed: Collection[str], ttl: float) -> None:
        path = self._path(key)
        with _available(), self._shard(path):
            record = self._read(path)
            if record is None:
                raise SessionGone
            kept = {name: text for name, text in record.fields.items() if name not in removed}
            self._write(path, {**kept, **changed}, ttl)

    def delete(self, key: str) -> bool:
        path = self._path(key)
        with _available(), self._shard(path):
            try:
                path.unlink()
            except FileNotFoundError:
                return False
            return True

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

    def _read(self, path: Path) -> Record | None:
        try:
            return unpack(json.loads(_read_file(path)), self.clock())
        except FileNotFoundError:
            # A folder that is gone says nothing about the session: that is an outage.
            self.folder.stat()
            return None
        except (ValueError, AttributeError, TypeError) as damage:
            logger.warning("session record %s is damaged: %s", path.name[:12], damage)
            return None

    def _write(self, path: Path, fields: Fields, ttl: float) -> None:
        sealed = pack(fields, self.clock() + ttl)
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
        try:
            _write_file(temporary, json.dumps(sealed).encode())
            temporary.replace(path)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            raise

    @contextmanager
    def _shard(self, path: Path) -> Iterator[None]:
        """Hold the lock of the shard that `path` lies in; made where it is the first one there."""
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


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(f"session folder: {error}") from error


def _probe(folder: Path) -> None:
    probe = folder / f"probe.{secrets.token_hex(4)}.tmp"
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
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is not a regular file")
        if status.st_uid != os.geteuid():
            raise ValueError("it belongs to another user")
        if status.st_size > MOST_BYTES:
            raise ValueError(f"it has {status.st_size} bytes")
        return file.readall()
