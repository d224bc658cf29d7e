"""How a record is written down: every field sealed by a checksum, the expiry among them.

A seal finds damage, not forgery: whoever can write into the store can write a seal as well.
"""

from hashlib import sha256
from zlib import crc32

from backends.store import Fields, Record

EXPIRES = "@expires"
"""The field that says when the record ends, in seconds since the epoch.

It stands beside the store's own expiry, so that a clock under test, a restored backup or a store
without expiry cannot bring an ended session back.
"""

SEEN = "@seen"
"""The field that says when the record was last written or touched."""

OWNER = "@owner"
"""The field with the name that stands for the owner."""

CREATED = "@created"
"""The field that says when the session began, in seconds since the epoch."""

AGENT, ADDRESS = "@agent", "@address"
"""The fields with the User-Agent and the address that an owned session began with."""

ID = "@id"
"""The field with the session's random id: two logins in one second give two tokens."""

SEAL_LENGTH = 8


def seal(name: str, text: str) -> str:
    """The text behind the checksum of its name and itself."""
    return f"{_checksum(name, text):08x}{text}"


def name_of(owner: str) -> str:
    """What stands for an owner in a store: 128 bits of a hash, fit for a file name and a key."""
    return sha256(owner.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def pack(fields: Fields, now: float, ttl: float) -> Fields:
    """The sealed fields, with the marks of a record that is written now and lives for `ttl`."""
    marks = {EXPIRES: f"{now + ttl:.3f}", SEEN: f"{now:.3f}"}
    return {name: seal(name, text) for name, text in {**fields, **marks}.items()}


def unpack(sealed: Fields, now: float) -> Record:
    """The record; its `ttl` is not above 0 where it ended. Raises `ValueError` for damage."""
    fields = {name: _unseal(name, text) for name, text in sealed.items()}
    if EXPIRES not in fields or SEEN not in fields:
        raise ValueError("the record has no times")
    ttl = float(fields.pop(EXPIRES)) - now
    seen = float(fields.pop(SEEN))
    owner = fields.pop(OWNER, None)
    return Record(fields, ttl, seen, owner)


def living(record: Record | None) -> Record | None:
    """The record, unless it ended."""
    return record if record is not None and record.ttl > 0 else None


def _unseal(name: str, sealed: str) -> str:
    text = sealed[SEAL_LENGTH:]
    if sealed[:SEAL_LENGTH] != f"{_checksum(name, text):08x}":
        raise ValueError(f"the seal of field {name!r} is broken")
    return text


def _checksum(name: str, text: str) -> int:
    return crc32(f"{name}\0{text}".encode("utf-8", "surrogatepass"))
