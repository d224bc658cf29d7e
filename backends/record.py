"""The format of a record: its own fields, and a checksum on each field.

A checksum finds damage, not forgery: anyone who can write into the store can write a checksum too.
"""

from hashlib import sha256
from zlib import crc32

from backends.store import Fields, Record

ID = "@id"
"""The random id in a cookie: two logins in the same second give two tokens."""

CREATED = "@created"
"""When the session began, in seconds since the epoch."""

EXPIRES = "@expires"
"""When the record ends, in seconds since the epoch.

It backs up the store's own expiry: a test's clock, a restored backup or a store without expiry
cannot bring an ended session back.
"""

SEEN = "@seen"
"""When the record was last written or touched, in seconds since the epoch."""

OWNER = "@owner"
"""The hash of the owner's name."""

AGENT, ADDRESS = "@agent", "@address"
"""The User-Agent and the address that an owned session began with."""

SEAL_LENGTH = 8


def seal(name: str, text: str) -> str:
    """The text with a checksum of its name and itself in front."""
    checksum = crc32(f"{name}\0{text}".encode("utf-8", "surrogatepass"))
    return f"{checksum:08x}{text}"


def hash_owner(owner: str) -> str:
    """The owner's name in a store: 128 bits of a hash, valid as a file name."""
    return sha256(owner.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def pack(fields: Fields, now: float, ttl: float) -> Fields:
    """The sealed fields and times of a record that is written now."""
    times = {EXPIRES: f"{now + ttl:.3f}", SEEN: f"{now:.3f}"}
    return {name: seal(name, text) for name, text in {**fields, **times}.items()}


def unpack(sealed: Fields, now: float) -> Record:
    """The record; its `ttl` is 0 or less if it ended. Raises `ValueError` for damage."""
    fields = {name: _unseal(name, text) for name, text in sealed.items()}
    if EXPIRES not in fields or SEEN not in fields:
        raise ValueError("the record has no times")
    ttl = float(fields.pop(EXPIRES)) - now
    seen = float(fields.pop(SEEN))
    owner = fields.pop(OWNER, None)
    return Record(fields, ttl, seen, owner)


def unless_ended(record: Record | None) -> Record | None:
    """The record; `None` if it ended."""
    return record if record is not None and record.ttl > 0 else None


def _unseal(name: str, sealed: str) -> str:
    text = sealed[SEAL_LENGTH:]
    if sealed != seal(name, text):
        raise ValueError(f"the seal of field {name!r} is broken")
    return text
