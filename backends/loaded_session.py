"""A session as it was loaded, how it changed, and the names of its keys in a record."""

import json
from collections.abc import Collection, Iterable
from datetime import datetime
from enum import IntEnum
from types import NoneType
from typing import NamedTuple, Protocol
from uuid import UUID

from flask import Flask, Request
from markupsafe import Markup

from backends.record import merge
from backends.serializer import FieldSerializer
from backends.store import Fields, Record

PERMANENT_KEY = "_permanent"
"""Flask's key in a permanent session."""

IMMUTABLE = frozenset({str, int, float, bool, NoneType, bytes, UUID, datetime, Markup})
"""A value of these types that is the one that was loaded has not changed."""

NOT_PERMANENT = frozenset({None, "false", "null", "0", "0.0", '""', "[]", "{}"})
"""Texts of Flask's `_permanent` that Python takes for false; by any other it is permanent."""

NOBODY = frozenset({None, "null", "false", '""'})
"""Texts of an owner in sessions of visitors, who are not each other: 0 may be a user's number."""


class LoadedSession(NamedTuple):
    """A session as it was loaded from its backend."""

    id: str
    token: str
    """The value of the cookie."""
    created: float
    """Seconds since the epoch. Rotation keeps it, and with it the absolute limit."""
    seen: float
    """When it was last written, in seconds since the epoch."""
    ttl: float
    """Seconds until it ends unless it is used."""
    fields: Fields
    permanent: bool = False
    record: Record | None = None
    """As the store returned it, if there is one."""
    mark: str = ""
    """Of one whose browser has the token of another interface still: the key of its mark."""

    def __repr__(self) -> str:
        return "<LoadedSession>"  # a report of an error shows the variables: no id, no token


class Opens(Protocol):
    """What opens a session: the interface of its backend."""

    id_bytes: int
    serializer: FieldSerializer

    def make_fields(self, names: Collection[str], texts: Collection[str]) -> Fields:
        """In the form that the backend writes."""

    def _load_first(self, app: Flask, request: Request) -> LoadedSession | None: ...


class Changes(NamedTuple):
    """The fields to write and the names of those to remove."""

    changed: Fields
    removed: set[str]

    def applied_to(self, fields: Fields) -> Fields:
        """The fields as they are with the changes."""
        return merge(fields, self.changed, self.removed)


NO_CHANGES = Changes({}, set())


class Succession(IntEnum):
    """How the session that a request stores follows the one that it loaded."""

    SAME = 0  # the same token, age and data
    NEW_ID = 1  # rotated: a new token
    NEW_OWNER = 2  # another user: a new token and a new age (OWASP ASVS 5.0, 7.2.4)
    CLEARED = 3  # a new token, a new age, and none of the data


def is_permanent(fields: Fields) -> bool:
    """Whether Python takes Flask's `_permanent` among the fields for true."""
    return fields.get(PERMANENT_KEY) not in NOT_PERMANENT


def field_name(key: str) -> str:
    """The field of a session key. A leading `@`, which marks own fields, is doubled.

    A key that is no string becomes the text that JSON makes of it, as in Flask's own cookie.
    Raises `TypeError` if JSON cannot.
    """
    text = key if isinstance(key, str) else next(iter(json.loads(json.dumps({key: None}))))
    return "".join(("@", text)) if text.startswith("@") else text


def is_session_field(name: str) -> bool:
    """Whether a record's field is a key of the session."""
    return not name.startswith("@") or name.startswith("@@")


def field_names(keys: Collection[str]) -> Collection[str]:
    try:
        return keys if "@" not in "".join(keys) else [*map(field_name, keys)]
    except TypeError:  # a key is no text
        return [*map(field_name, keys)]


def session_keys(fields: Iterable[str]) -> list[str]:
    """The keys of the session among the fields of a record, which has some of its own."""
    return [
        _session_key(name) if name.startswith("@") else name
        for name in fields
        if is_session_field(name)
    ]


def _session_key(name: str) -> str:
    return name[1:] if name.startswith("@") else name
