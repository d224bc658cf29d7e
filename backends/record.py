"""The format of a record: a line about it, then its fields.

The first line has the version of the format (1 character), a checksum of it and all that follows (8
hexadecimal digits), when the session began, when the record was last written and when it ends (5
bytes each, in hundredths of a second since the epoch, as Base64), and the hash of its owner's name
(32, or nothing).
A field is a record separator, its name, a unit separator and its text (ASCII 30 and 31).

The version and the checksum keep their places in every later version, so that a record of another
version is told from a damaged one. A checksum finds damage, not forgery: anyone who can write into
the store can write a checksum too.
"""

import logging
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Collection, ItemsView, Iterator, Mapping, ValuesView
from hashlib import sha256
from typing import Any, NoReturn
from zlib import crc32

from backends.failure_log import FailureLog
from backends.store import Fields, Record

logger = logging.getLogger(__name__)

ID = "@id"
"""The random id in a cookie: two logins in the same second give two tokens."""

CREATED = "@created"
"""When the session began, in seconds since the epoch."""

AGENT, ADDRESS = "@agent", "@address"
"""The User-Agent and the address that an owned session began with."""

VERSION = b"3"

TIMES_AT, HEAD_LENGTH = 9, 29
"""Where the times begin and end. What stands before their end tells two states of a record apart:
two that agree in it are of the same moment, and their checksums agree too."""

OWNER_LENGTH = 32

TIME_BITS, TICKS = 40, 100
"""Of a time in the first line, and how many it has to a second."""

LATEST: int = 2**TIME_BITS - 1
"""The year 2318."""

FIELD, TEXT = "\x1e", "\x1f"
"""Begin a field and its text. JSON escapes both, so that only a strange name ever has one."""

ESCAPED = "\\"
"""Ends the first line of a record with separators in its names or texts, which are escaped."""

FEW = 8
"""So many changes at most are made one by one in the text of a record."""

MAX_UTF8_BYTES = 4
"""Of a character."""

MANY = 32
"""From so many fields on a new record's text is made without a dict of them."""

CREATED_FIELD = "".join((FIELD, CREATED, TEXT))

_escapes = {"\\": "\\\\", FIELD: "\\f", TEXT: "\\t"}
_escaped = {escape: text for text, escape in _escapes.items()}


class TextFields(Mapping[str, str]):
    """The fields of a record as they are in its text, looked for when somebody asks.

    Most requests need one or two of many, and to take all apart costs more than the rest.
    """

    __slots__ = ("_places", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._places: dict[str, tuple[int, int]] = {}

    def __getitem__(self, name: str) -> str:
        start, end = self._find(name)
        if start < 0:
            raise KeyError(name)
        return self.text[start + len(name) + 2 : end]

    def get(self, name: str, default: Any = None) -> Any:
        start, end = self._places.get(name) or self._find(name)
        return default if start < 0 else self.text[start + len(name) + 2 : end]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._find(name)[0] >= 0

    def __iter__(self) -> Iterator[str]:
        return iter(self.as_dict())

    def __len__(self) -> int:
        return self.text.count(FIELD)

    def items(self) -> ItemsView[str, str]:
        return self.as_dict().items()

    def values(self) -> ValuesView[str]:
        return self.as_dict().values()

    def as_dict(self) -> dict[str, str]:
        fields = self.text.split(FIELD)
        return dict([field.split(TEXT, 1) for field in fields[1:]])

    def changed(self, changed: Mapping[str, str], removed: Collection[str]) -> "TextFields":
        """The fields with changes, none of which has a separator."""
        for name in removed:
            start, end = self._find(name)
            if start >= 0:
                self = TextFields(self.text[:start] + self.text[end:])
        for name, text in changed.items():
            start, end = self._find(name)
            before, after = (self.text[:start], self.text[end:]) if start >= 0 else (self.text, "")
            # Joined, not formatted: a name may be of an enumeration, which formats as its member.
            self = TextFields("".join((before, FIELD, name, TEXT, text, after)))
        return self

    def _find(self, name: str) -> tuple[int, int]:
        """Where the field begins and ends; it begins at -1 if there is none."""
        # To find a name in 20 KB takes 9 µs, and a write asks for it three times.
        place = self._places.get(name)
        if place is None:
            if FIELD in name or TEXT in name:
                return -1, -1  # it would match the end of one field and the begin of the next
            text = self.text
            start = text.find(FIELD + name + TEXT)
            end = text.find(FIELD, start + 1)
            place = self._places[name] = start, len(text) if end < 0 else end
        return place


def pair_fields(names: Collection[str], texts: Collection[str]) -> Fields:
    """The fields in a dict."""
    return dict(zip(names, texts, strict=True))


def join_fields(names: Collection[str], texts: Collection[str]) -> Fields:
    """The fields in a dict, or many of them as the text of a record, which is half the work.

    The texts are JSON, which has no separator.
    """
    if len(names) >= MANY:
        all_names = "".join(names)
        has_separator = FIELD in all_names or TEXT in all_names
        if not has_separator and len(set(names)) == len(names):
            return TextFields(_join(names, texts))
    return pair_fields(names, texts)


def add_fields(fields: Fields, new: Mapping[str, str]) -> Fields:
    """The fields and those of other names."""
    if type(fields) is not TextFields or not _is_clean(new):
        return {**fields, **new}
    return TextFields(FIELD.join([fields.text, *map(TEXT.join, new.items())]))


def hash_owner(owner: str) -> str:
    """The owner's name in a store: 128 bits of a hash, valid as a file name."""
    return sha256(owner.encode("utf-8", "surrogatepass")).hexdigest()[:OWNER_LENGTH]


def split_created(fields: Fields) -> tuple[Fields, float]:
    """The fields without `CREATED`, and its value, 0 if there is none."""
    if type(fields) is not TextFields:
        others = dict(fields)
        return others, float(others.pop(CREATED, 0))
    before, found, rest = fields.text.rpartition(CREATED_FIELD)  # it is the last as a rule
    if not found:
        return fields, 0
    created, separator, after = rest.partition(FIELD)
    return TextFields("".join((before, separator, after))), float(created)


def created_in(record: Record) -> float:
    """When the session began, in seconds since the epoch; 0 if the record does not say it."""
    return record.created or float(record.fields.get(CREATED, 0))


def pack(
    fields: Fields, now: float, ttl: float, owner: str | None = None, created: float = 0
) -> bytes:
    """The record that is written now; `owner` is the hash of a name."""
    times = 0
    for time in (created, now, now + ttl):
        # Cut, not rounded: no session may live longer than its limit by the hundredth of a second.
        times = times << TIME_BITS | min(int(time * TICKS + 0.001), LATEST)
    about = b2a_base64(times.to_bytes(15, "big"), newline=False).decode() + (owner or "")
    if type(fields) is TextFields:  # an abstract base class is slow to ask
        text = f"{about}\n{fields.text}"
    else:
        if not _is_clean(fields):
            about += ESCAPED
            fields = {_escape(name): _escape(text) for name, text in fields.items()}
        text = f"{about}\n{_join(fields, fields.values())}"
    # A key that a visitor chose may contain a lone surrogate, which UTF-8 cannot encode.
    sealed = text.encode("utf-8", "surrogatepass")
    return b"%b%08x%b" % (VERSION, crc32(sealed, crc32(VERSION)), sealed)


def unpack(data: bytes, now: float) -> Record:
    """The record; its `ttl` is 0 or less if it ended.

    Raises `ValueError` for damage and for a version before, `StoreUnavailable` for one after.
    """
    version = data[:1]
    if data[1:TIMES_AT] != b"%08x" % crc32(data[TIMES_AT:], crc32(version)):
        raise ValueError("its checksum is wrong")
    if version != VERSION:
        _refuse_version(version)
    head, _, body = data.decode("utf-8", "surrogatepass").partition("\n")
    if body and not (body[0] == FIELD and TEXT in body):
        raise ValueError("it has no fields")
    fields: Fields = TextFields(body)
    owner = None
    if len(head) > HEAD_LENGTH:
        owner = owner_in(data)
        if head.endswith(ESCAPED):
            fields = {_unescape(name): _unescape(text) for name, text in fields.items()}
    created, seen, ends = times_in(data)
    return Record(fields, ends - now, seen, owner, data, created)


def merge(fields: Fields, changed: Fields, removed: Collection[str]) -> Fields:
    """The fields with the changes."""
    if type(fields) is TextFields:  # an abstract base class is slow to ask
        if len(changed) + len(removed) <= FEW and _is_clean(changed):
            return fields.changed(changed, removed)
        fields = fields.as_dict()
    if removed:
        fields = {name: text for name, text in fields.items() if name not in removed}
    return {**fields, **changed}


def size_of(fields: Fields) -> int:
    """The bytes of all names and texts."""
    text = "".join([*fields, *fields.values()])
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def times_in(head: bytes) -> tuple[float, float, float]:
    """When the session began, when it was last written and when it ends, in seconds.

    Raises `ValueError`.
    """
    times = int.from_bytes(a2b_base64(head[TIMES_AT:HEAD_LENGTH]), "big")
    began, seen, ends = times >> 2 * TIME_BITS, times >> TIME_BITS & LATEST, times & LATEST
    return began / TICKS, seen / TICKS, ends / TICKS


def end_in(head: bytes) -> float:
    """When the record ends, in seconds. Raises `ValueError`."""
    return (int.from_bytes(a2b_base64(head[TIMES_AT:HEAD_LENGTH]), "big") & LATEST) / TICKS


def owner_in(head: bytes) -> str | None:
    """The hash of the owner's name; `None` without one."""
    owner = head[HEAD_LENGTH : HEAD_LENGTH + OWNER_LENGTH]
    return None if b"\n" in owner or len(owner) < OWNER_LENGTH else owner.decode("ascii", "replace")


def unless_ended(record: Record | None) -> Record | None:
    """The record; `None` if it ended."""
    return record if record is not None and record.ttl > 0 else None


_failures = FailureLog(logger)


def _refuse_version(version: bytes) -> NoReturn:
    if version < VERSION:
        raise ValueError(f"it has the format {version.decode()} of an earlier version")
    raise _failures.unavailable(
        f"a record has the format {version.decode('latin-1')}, and this version of the package "
        f"knows {VERSION.decode()}. Let all processes run the newer version."
    )


def _join(names: Collection[str], texts: Collection[str]) -> str:
    """The text of the fields; placed into one list, which is faster than to join pairs."""
    parts = [FIELD, "", TEXT, ""] * len(names)
    parts[1::4] = names
    parts[3::4] = texts
    return "".join(parts)


def _is_clean(fields: Mapping[str, str]) -> bool:
    """Whether no name and no text has a separator."""
    text = "".join([*fields, *fields.values()])
    return not (FIELD in text or TEXT in text)


def _escape(text: str) -> str:
    return re.sub(r"[\\\x1e\x1f]", lambda found: _escapes[found[0]], text)


def _unescape(text: str) -> str:
    return re.sub(r"\\[\\ft]", lambda found: _escaped[found[0]], text)
