"""Tries in a session folder what a login does, to find what it refuses before a user does."""

# The calls that a login makes, each by itself:
# ruff: noqa: PTH102, PTH105, PTH106, PTH108, PTH116

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from random import choice
from typing import NamedTuple

from backends.files.access import (
    ADVICE,
    FILE_MODE,
    FOLDER_MODE,
    SHARD_LENGTH,
    TEMPORARY_SUFFIX,
    WRITE_FLAGS,
    hold_lock,
)
from backends.files.lists import OwnerLists
from backends.settings import ConfigurationError
from backends.timing.deadline import one_deadline, seconds_left

OWN_IT = "Give a folder that this user may write, with all that is in it (chown -R)."
LOCK_IT = "Take a local disk, or mount it with locks."
KEEP_IT = "Take a disk that this process may write without such limits."

SHORT_OF = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO),
    *(errno.EMFILE, errno.ENFILE),
)
"""What the system is short of at the moment, whatever is tried."""

EXACT_TIME = 1_000_000_000_123_457_000
"""A time in nanoseconds that needs microseconds."""

FINE_STEP, COARSE_STEP = 1_000, 2_000_000_000
"""Nanoseconds between rows: what today's file systems keep, and what all keep."""


SHARD_NAME = re.compile(rf"[0-9a-f]{{{SHARD_LENGTH}}}")
"""The first characters of a key."""


class FolderTraits(NamedTuple):
    """What a folder does with new files."""

    uid: int
    """The owner that they get: not always the user of the process (NFS, CIFS)."""
    time_step: int
    """A difference of their times that is kept, in nanoseconds."""


def try_folder(folder: str, owners: str) -> FolderTraits:
    """Write and remove what a login writes: a record, and a row in the owners' folder.

    Raises `ConfigurationError` with one line that says what is refused. It leaves nothing behind.
    """
    name = f"probe.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}"
    with _refusal(folder, "new folders", OWN_IT):
        os.mkdir(f"{folder}/{name}", FOLDER_MODE)
        os.rmdir(f"{folder}/{name}")
    shards = _find_shards(folder, owners)
    place = choice(shards) if shards else folder  # noqa: S311 - any of them
    with one_deadline():
        traits = _try_record(place, f"{place}/{name}")
        _check_owner((owners, *shards), traits.uid)
        with _refusal(owners, "the list of an owner's sessions", OWN_IT):
            lists = OwnerLists(owners, lambda: 0.0, traits.time_step)
            lists.add(name, name)
            lists.remove(name, name)
    return traits


def _find_shards(folder: str, owners: str) -> list[str]:
    """The folders of records. Raises `ConfigurationError` for one that cannot be written."""
    with _refusal(folder, "a look at what is there", OWN_IT):
        folders = [entry for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    # Others are not ours to write into: a new disk has a `lost+found` of root.
    shards = [entry.path for entry in folders if SHARD_NAME.fullmatch(entry.name)]
    for path in (owners, *shards):
        with _refusal(path, "writing", OWN_IT):
            if not os.access(path, os.R_OK | os.W_OK | os.X_OK, effective_ids=_EFFECTIVE):
                raise PermissionError(f"it belongs to the user {os.stat(path).st_uid}")
    return shards


def _check_owner(paths: Iterable[str], uid: int) -> None:
    """Raise `ConfigurationError` for a folder that another user's process made.

    Root may write there, and would find none of the sessions: each file is trusted by its owner.
    """
    for path in paths:
        with _refusal(path, "a look at what is there", OWN_IT):
            owner = os.stat(path).st_uid
        if owner != uid:
            raise ConfigurationError(
                f"SESSION_FILE_DIR: {path} belongs to the user {owner}, and what this process "
                f"writes to {uid}: neither reads the other's sessions. Run this as that user, or "
                "give it the folder (chown -R)."
            )


_EFFECTIVE = os.access in os.supports_effective_ids


def _try_record(folder: str, path: str) -> FolderTraits:
    """Create, read, update and delete a file, under the folder's lock."""
    new = f"{path}{TEMPORARY_SUFFIX}"
    try:
        with _refusal(folder, "locks (flock)", LOCK_IT), hold_lock(folder, seconds_left()):
            _try_write(folder, new, path)
            traits = _try_read(folder, path)
            _try_write(folder, new, path)
            with _refusal(folder, "the deletion of files", OWN_IT):
                os.unlink(path)
    finally:
        for left in (new, path):
            with suppress(OSError):
                os.unlink(left)
    return traits


def _try_write(folder: str, new: str, path: str) -> None:
    with _refusal(folder, "new files", OWN_IT):
        descriptor = os.open(new, WRITE_FLAGS, FILE_MODE)
    try:
        with _refusal(folder, "writing into files", KEEP_IT):
            os.write(descriptor, b"{}")
        with _refusal(folder, "times for files (utime)", KEEP_IT):
            os.utime(descriptor, ns=(EXACT_TIME, EXACT_TIME))
    finally:
        os.close(descriptor)
    with _refusal(folder, "renaming files", OWN_IT):
        os.replace(new, path)


def _try_read(folder: str, path: str) -> FolderTraits:
    with _refusal(folder, "reading files", OWN_IT):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or os.read(descriptor, 8) != b"{}":
                raise OSError("a file does not hold what was written")
        finally:
            os.close(descriptor)
    keeps_times = status.st_mtime_ns == EXACT_TIME
    return FolderTraits(status.st_uid, FINE_STEP if keeps_times else COARSE_STEP)


@contextmanager
def _refusal(folder: str, what: str, advice: str) -> Iterator[None]:
    """Raise `ConfigurationError` where the system refuses it."""
    try:
        yield
    except OSError as error:
        if error.errno in SHORT_OF:
            advice = ADVICE[error.errno]
        raise ConfigurationError(
            f"SESSION_FILE_DIR: sessions cannot be written to {folder}: it refuses {what} "
            f"({error.strerror or error}). {advice}"
        ) from error
