"""The format of a record: a line about it, then a line for each name, then one for each text.

The first line has the version of the format (1 character), a checksum of it and all that follows (8
hexadecimal digits), when the record was last written and when it ends (6 bytes each, in
milliseconds since the epoch, as Base64), and the hash of its owner's name (32, or nothing).

The version and the checksum keep their places in every later version, so that a record of another
version is told from a damaged one. A checksum finds damage, not forgery: anyone who can write into
the store can write a checksum too.
"""

import logging
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Collection
from hashlib import sha256
from zlib import crc32

from backends.store import Fields, Record, StoreUnavailable
from backends.throttle import Throttle

logger = logging.getLogger(__name__)

ID = "@id"
"""The random id in a cookie: two logins in the same second give two tokens."""

CREATED = "@created"
"""When the session began, in seconds since the epoch."""

AGENT, ADDRESS = "@agent", "@address"
"""The User-Agent and the address that an owned session began with."""

VERSION = b"2"

TIMES_AT, HEAD_LENGTH = 9, 25
"""Where the times begin and end. What stands before their end tells two states of a record apart:
two that agree in it are the same to the millisecond, and their checksums too."""

OWNER_LENGTH = 32

LATEST = 2**48 - 1
"""Milliseconds since the epoch: the year 10889."""

ESCAPED = "\\"
"""Ends the first line of a record whose names or texts have line breaks, which are escaped."""

_escapes = {"\\\\": "\\", "\\n": "\n"}


def hash_owner(owner: str) -> str:
    """The owner's name in a store: 128 bits of a hash, valid as a file name."""
    return sha256(owner.encode("utf-8", "surrogatepass")).hexdigest()[:OWNER_LENGTH]


def pack(fields: Fields, now: float, ttl: float, owner: str | None = None) -> bytes:
    """The record that is written now; `owner` is the hash of a name."""
    times = min(round(now * 1000), LATEST) << 48 | min(round((now + ttl) * 1000), LATEST)
    about = b2a_base64(times.to_bytes(12, "big"), newline=False).decode() + (owner or "")
    names, texts = "\n".join(fields), "\n".join(fields.values())
    if names.count("\n") + texts.count("\n") != 2 * max(0, len(fields) - 1):
        about += ESCAPED
        names, texts = "\n".join(map(_escape, fields)), "\n".join(map(_escape, fields.values()))
    body = f"{names}\n{texts}" if fields else ""
    # A key that a visitor chose may contain a lone surrogate, which UTF-8 cannot encode.
    sealed = f"{about}\n{body}".encode("utf-8", "surrogatepass")
    return b"%b%08x%b" % (VERSION, crc32(sealed, crc32(VERSION)), sealed)


def unpack(data: bytes, now: float) -> Record:
    """The record; its `ttl` is 0 or less if it ended.

    Raises `ValueError` for damage, and `StoreUnavailable` for a record of another version.
    """
    if data[1:TIMES_AT] != b"%08x" % crc32(memoryview(data)[TIMES_AT:], crc32(data[:1])):
        raise ValueError("its checksum is wrong")
    if not data.startswith(VERSION):
        raise _refuse_version(data[:1])
    head, _, body = data.decode("utf-8", "surrogatepass").partition("\n")
    seen, ends = times_in(data)
    parts = body.split("\n") if body else []
    if head.endswith(ESCAPED):
        parts = [*map(_unescape, parts)]
    half = len(parts) // 2
    fields = dict(zip(parts[:half], parts[half:], strict=True))
    return Record(fields, ends - now, seen, owner_in(data), data)


def merge(fields: Fields, changed: Fields, removed: Collection[str]) -> Fields:
    """The fields with the changes."""
    if removed:
        fields = {name: text for name, text in fields.items() if name not in removed}
    return fields | changed


def times_in(head: bytes) -> tuple[float, float]:
    """When a record was last written and when it ends, in seconds. Raises `ValueError`."""
    times = int.from_bytes(a2b_base64(head[TIMES_AT:HEAD_LENGTH]), "big")
    return (times >> 48) / 1000, (times & LATEST) / 1000


def owner_in(head: bytes) -> str | None:
    """The hash of the owner's name; `None` without one."""
    owner = head[HEAD_LENGTH : HEAD_LENGTH + OWNER_LENGTH]
    return None if b"\n" in owner or len(owner) < OWNER_LENGTH else owner.decode("ascii", "replace")


def unless_ended(record: Record | None) -> Record | None:
    """The record; `None` if it ended."""
    return record if record is not None and record.ttl > 0 else None


_error_log = Throttle()


def _refuse_version(version: bytes) -> StoreUnavailable:
    """Log it, at most once a second; the error to raise for it."""
    unavailable = StoreUnavailable(
        f"a record has the format {version.decode('latin-1')}, and this version of the package "
        f"knows {VERSION.decode()}. Let all processes run the newer version."
    )
    if _error_log.admit() is not None:
        logger.error("%s", unavailable)
    return unavailable


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _unescape(text: str) -> str:
    return re.sub(r"\\[\\n]", lambda found: _escapes[found[0]], text)
