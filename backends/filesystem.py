"""Sessions in files: one for each, in a folder that only this user may enter."""

# Pathlib costs more than the calls themselves:
# ruff: noqa: PTH116, PTH119, PTH120, PTH208

import errno
import logging
import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock

from flask import Flask

from backends.failure_log import FailureLog
from backends.files.access import (
    ADVICE,
    FOLDER_MODE,
    SHARD_LENGTH,
    TEMPORARY_SUFFIX,
    UntrustedFileError,
    hold_lock,
    read_file,
    remove_file,
    replace_file,
)
from backends.files.lists import OwnerLists
from backends.files.probe import COARSE_STEP, FolderTraits, try_folder
from backends.record import hash_owner, merge, pack, split_created, times_in, unless_ended, unpack
from backends.server_side import StoreInterface
from backends.settings import ConfigurationError, session_folder, unwritable_folder
from backends.store import (
    RENEW_BELOW,
    AtRest,
    Clock,
    Fields,
    Record,
    SessionGone,
    Store,
    StoreUnavailable,
    wall_clock,
)
from backends.timing.deadline import one_deadline, seconds_left, time_to_start

logger = logging.getLogger(__name__)

OWNERS = "owners"
"""The folder of the owners' lists, beside the shards."""

FULL = (errno.ENOSPC, errno.EDQUOT)

WRITE_TIMEOUT_SECONDS = 60
"""An unfinished file this old was left by a process that died."""

SWEPT_FILES_PER_LOGIN = 2
"""Files checked at each login: enough for ended ones not to pile up, and fast."""


class FileSystemStore(Store):
    """A file for each record, replaced as a whole, under a lock of its shard.

    Writers of one shard take turns by a lock on the shard's folder (`flock`), which leaves no lock
    files behind and ends with its process. Readers take no lock: files are replaced by `rename`, so
    a reader sees the old record or the new one.
    It works for all processes of one machine, not across machines, where `flock` is unreliable.

    A file that cannot be trusted or read is a failure of the system and ends no session; a file
    with damaged content is no session. `delete` removes both.
    Records of up to `MAX_RECORD_BYTES` are read.

    Each owner has a folder with an empty file for each session. A record's file has the record's
    end as its modification time, so that sweeping does not open the files of living records.
    To avoid deadlocks, a record's shard is locked before the folder of owners, never after it.
    """

    steps = 16**SHARD_LENGTH

    def __init__(self, folder: Path, clock: Clock = wall_clock) -> None:
        """Raises `ConfigurationError` if the folder refuses what a login needs."""
        self.folder = folder.absolute()
        self.clock = clock
        self._root = str(self.folder)
        self._owners = str(self.folder / OWNERS)
        try:
            self.folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            (self.folder / OWNERS).mkdir(mode=FOLDER_MODE, exist_ok=True)
        except OSError as error:
            raise unwritable_folder(self.folder, error) from error
        with time_to_start():
            self._traits = self._find_traits()
        self._lists = OwnerLists(self._owners, clock, self._traits.time_step)
        self._sweeper = self._sweep_forever()
        self._sweeper_lock = Lock()

    def _find_traits(self) -> FolderTraits:
        """What the folder does with new files. Raises `ConfigurationError` if it refuses a login.

        But on a full disk, which is logged: sessions are read and ended there, and a sweep makes
        room.
        """
        try:
            return try_folder(self._root, self._owners)
        except ConfigurationError as error:
            if getattr(error.__cause__, "errno", None) not in FULL:
                raise
            _failures.unavailable(str(error))
            return FolderTraits(os.stat(self._owners).st_uid, COARSE_STEP)

    def check(self) -> None:
        """Try what a login does, and leave nothing behind. Raises `StoreUnavailable`."""
        try:
            try_folder(self._root, self._owners)
        except ConfigurationError as error:
            raise _failures.unavailable(str(error)) from error

    def create(self, key: str, fields: Fields, ttl: float, owner: str | None = None) -> None:
        path = self._file(key)
        with one_deadline():
            with _translated, self._lock(key):
                if os.path.lexists(path):
                    raise KeyError(key)
                hashed = None if owner is None else hash_owner(owner)
                try:
                    if hashed is not None:
                        self._lists.add(hashed, key)
                    self._write(path, *split_created(fields), ttl, hashed)
                except BaseException:
                    with suppress(OSError):
                        remove_file(path)  # it is there if only the answer to its rename was lost
                    self._unlist(hashed, key)
                    raise
            self._sweep_some()

    def load(self, key: str) -> Record | None:
        try:
            return unless_ended(self._read(self._file(key)))
        except OSError as error:
            raise _unavailable(error) from error

    def update(self, key: str, changed: Fields, removed: Collection[str], ttl: float) -> None:
        self.update_loaded(key, None, changed, removed, ttl)

    def update_loaded(
        self,
        key: str,
        loaded: Record | None,
        changed: Fields,
        removed: Collection[str],
        ttl: float,
    ) -> None:
        path = self._file(key)
        with one_deadline(), _translated, self._lock(key):
            record = self._read(path, loaded)
            if record is None or record.ttl <= 0:
                raise SessionGone
            fields = merge(record.fields, changed, removed)
            self._write(path, fields, record.created, ttl, record.owner)
            if record.owner is not None and record.ttl < RENEW_BELOW * ttl:
                self._relist(record.owner, key)

    def delete(self, key: str) -> bool:
        path = self._file(key)
        with one_deadline(), _translated, self._lock(key):
            return self._remove(path, self._owner_in(path))

    def sessions_of(self, owner: str) -> dict[str, Record]:
        with one_deadline():
            listed = self._listed(hash_owner(owner))
            return {key: record for key, record in listed.items() if record is not None}

    def end_oldest(self, owner: str, key: str, limit: int) -> list[str]:
        hashed = hash_owner(owner)
        with one_deadline():
            # Each login comes here after its record is written, and only ends records with `limit`
            # newer ones: whatever the order, the last one finds and leaves exactly the newest.
            listed = list(self._listed(hashed))
            surplus = listed[: max(0, len(listed) - limit)]
            if key not in listed:
                surplus.append(key)
            return [one for one in surplus if self._end(hashed, one) or one == key]

    def sweep(self) -> Iterator[int]:
        for number in range(self.steps):
            with _translated:
                removed = sum(map(self._remove_if_ended, self._files_of(number)))
            yield removed

    def location(self) -> str:
        return self._root

    def at_rest(self, key: str) -> AtRest | None:
        path = self._path(key)
        record = self.load(key)
        if record is None:
            return None
        where = str(path.relative_to(self.folder))
        return AtRest(where, len(record.data), record.ttl, dict(record.fields))

    def _path(self, key: str) -> Path:
        return Path(self._file(key))

    def _file(self, key: str) -> str:
        return f"{self._root}/{key[:SHARD_LENGTH]}/{key}"

    def _lock(self, key: str) -> hold_lock:
        """The lock of the record's shard."""
        return hold_lock(f"{self._root}/{key[:SHARD_LENGTH]}", seconds_left())

    def _read(self, path: str, loaded: Record | None = None) -> Record | None:
        """The file's record, ended or not; `None` if there is no file or it is damaged.

        `loaded` saves work if the file is still as it was then.
        """
        try:
            data = read_file(path, self._traits.uid)
            if loaded is not None and data == loaded.data:
                _, seen, ends = times_in(data)
                ttl = ends - self.clock()
                return Record(loaded.fields, ttl, seen, loaded.owner, data, loaded.created)
            return unpack(data, self.clock())
        except FileNotFoundError:
            # A missing folder is an outage: it says nothing about the session.
            os.stat(self._root)
            return None
        except ValueError as damage:
            logger.warning("session record %s is damaged: %s", os.path.basename(path)[:12], damage)
            return None

    def _write(
        self, path: str, fields: Fields, created: float, ttl: float, owner: str | None
    ) -> None:
        now = self.clock()
        replace_file(path, pack(fields, now, ttl, owner, created), (now, now + ttl))

    def _remove(self, path: str, owner: str | None) -> bool:
        """Remove the file, and its row from the owner's list, under the shard's lock."""
        was_there = remove_file(path)
        if was_there:
            self._unlist(owner, os.path.basename(path))
        return was_there

    def _unlist(self, owner: str | None, key: str) -> None:
        """Remove the row of a record that is not there.

        If that fails, the row may stay: it names no living session, and its owner's next list
        removes it.
        """
        if owner is None:
            return
        try:
            self._lists.remove(owner, key)
        except OSError as error:
            _unavailable(error)  # it is logged

    def _owner_in(self, path: str) -> str | None:
        """The hash of the owner's name if the file can be read."""
        try:
            record = self._read(path)
        except (OSError, StoreUnavailable):
            return None
        return None if record is None else record.owner

    def _end(self, owner: str, key: str) -> bool:
        with _translated, self._lock(key):
            return self._remove(self._file(key), owner)

    def _relist(self, owner: str, key: str) -> None:
        if self._lists.has(owner, key):
            return
        try:
            self._lists.add(owner, key)
        except OSError as error:
            # The record is written; the next renewal tries this again.
            _unavailable(error)

    def _listed(self, owner: str) -> dict[str, Record | None]:
        """The owner's living records, the oldest first; `None` for one that cannot be read."""
        with _translated:
            keys = self._lists.keys(owner)
        found: dict[str, Record | None] = {}
        for key in keys:
            try:
                record = self.load(key)
            except StoreUnavailable as error:
                if not isinstance(error.__cause__, UntrustedFileError):
                    raise
                found[key] = None
            else:
                if record is not None:
                    found[key] = record
                    continue
                # A row that cannot be removed now may stay: it names no living session.
                with suppress(StoreUnavailable):
                    self._unlist_if_ended(owner, key)
        return found

    def _unlist_if_ended(self, owner: str, key: str) -> None:
        # A login in progress has listed its session before writing it: wait for its lock.
        path = self._file(key)
        with _translated, self._lock(key):
            if not os.path.lexists(path):
                self._lists.remove(owner, key)
                return
            record = self._read(path)
            # A damaged file stays listed: it may be mended, and a sweep removes it otherwise.
            if record is not None and record.ttl <= 0:
                self._lists.remove(owner, key)

    def _files_of(self, number: int) -> list[str]:
        shard = f"{self._root}/{number:0{SHARD_LENGTH}x}"
        names: list[str] = []
        if number == 0:
            # A crash at the start may have left its probe beside the shards.
            names += (name for name in os.listdir(self._root) if name.endswith(TEMPORARY_SUFFIX))
        probes = [f"{self._root}/{name}" for name in names]
        try:
            return probes + [f"{shard}/{name}" for name in os.listdir(shard)]
        except (FileNotFoundError, NotADirectoryError):
            return probes

    def _remove_if_ended(self, path: str) -> bool:
        """Remove the file if its record ended or a crashed writer left it unfinished.

        A file that cannot be trusted stays, as does one whose shard is being written.
        """
        now = self.clock()
        try:
            modified = os.lstat(path).st_mtime
            if path.endswith(TEMPORARY_SUFFIX):
                return modified + WRITE_TIMEOUT_SECONDS < now and remove_file(path)
            return modified <= now and self._remove_unless_renewed(path)
        except (FileNotFoundError, TimeoutError, StoreUnavailable):
            return False
        except UntrustedFileError as error:
            _unavailable(error)
            return False

    def _remove_unless_renewed(self, path: str) -> bool:
        with hold_lock(os.path.dirname(path), 0):
            # It may have been touched meanwhile: under the lock, the record's own expiry decides.
            record = self._read(path)
            if unless_ended(record) is not None:
                return False
            return self._remove(path, None if record is None else record.owner)

    def _sweep_forever(self) -> Iterator[None]:
        while True:
            for number in range(self.steps):
                yield
                try:
                    for path in self._files_of(number):
                        self._remove_if_ended(path)
                        yield
                except OSError as error:
                    _unavailable(error)  # it is logged; the other folders may be sound

    def _sweep_some(self) -> None:
        """Check a few files, so that ended records go without a scheduled job."""
        if not self._sweeper_lock.acquire(blocking=False):
            return
        try:
            for _ in range(SWEPT_FILES_PER_LOGIN):
                next(self._sweeper)
        except BaseException:
            self._sweeper = self._sweep_forever()  # an error ends a generator for ever
            raise
        finally:
            self._sweeper_lock.release()


def install(app: Flask, clock: Clock) -> StoreInterface:
    """Keep sessions in `SESSION_FILE_DIR`. Raises `ConfigurationError`."""
    return StoreInterface(app, FileSystemStore(session_folder(app), clock), clock)


_failures = FailureLog(logger)


def _unavailable(error: OSError) -> StoreUnavailable:
    """The error to raise for a failure of the system, which is logged."""
    advice = ADVICE.get(error.errno or 0)
    return _failures.unavailable(f"session folder: {error}" + (f". {advice}" if advice else ""))


class _Translator:
    """Raises `StoreUnavailable` for what the system refuses meanwhile."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            raise _unavailable(error) from error


_translated = _Translator()
