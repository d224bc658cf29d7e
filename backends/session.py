"""The `session` of a request: loaded at its first use, decoded field by field."""

import json
import secrets
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple, Self

from flask.sessions import SessionMixin

from backends.serializer import decode, encode
from backends.store import Fields, StoreUnavailable


@dataclass(frozen=True, slots=True)
class LoadedSession:
    """A session as it was loaded from its backend."""

    id: str
    token: str
    """The value of the cookie."""
    created: float
    """Seconds since the epoch. Rotation keeps it, and with it the absolute limit."""
    ttl: float
    """Seconds until it ends unless it is used."""
    fields: Fields


class Changes(NamedTuple):
    """The fields to write and the names of those to remove."""

    changed: Fields
    removed: set[str]


class Succession(IntEnum):
    """How the session that a request stores follows the one that it loaded."""

    SAME = 0  # the same token, age and data
    NEW_ID = 1  # rotated: a new token
    NEW_OWNER = 2  # another user: a new token and a new age (OWASP ASVS 5.0, 7.2.4)
    CLEARED = 3  # a new token, a new age, and none of the data


_ENCODED = object()
"""Stands for a value that was not read yet: its text is still in the record."""


class Session(SessionMixin):
    """A mapping like Flask's own session object, with three differences.

    - It is loaded at its first use, so a view that does not use it costs nothing.
    - `changes()` compares the values with the loaded ones: nested changes are found without
      `modified`, and a value that was only read is never written.
    - `clear()` ends the session: later values belong to a new one with a new token. The login of
      Flask's tutorial, clear and set, is thereby safe against fixation (OWASP ASVS 5.0, 7.2.4).
    """

    def __init__(
        self, load: Callable[[], LoadedSession | None], id_bytes: int, cookie: str | None = None
    ) -> None:
        self.cookie = cookie
        """The cookie that the browser sent, not verified yet."""
        self._load = load
        self._id_bytes = id_bytes
        self._next_id: str | None = None
        self._loaded: LoadedSession | None = None
        self._values: dict[str, Any] | None = None
        self._failure: StoreUnavailable | None = None
        self.modified = False
        self.accessed = False
        self.succession = Succession.SAME
        """It is only ever raised."""

    @property
    def is_loaded(self) -> bool:
        """Whether this request has used the session."""
        return self._values is not None

    @property
    def loaded(self) -> LoadedSession | None:
        """The session as it was loaded; `None` for a new one. Loads it at the first use."""
        self._load_values()
        return self._loaded

    @property
    def sid(self) -> str:
        """The session's id, a secret (the name is Flask-Session's).

        A new, cleared or rotated session already has the id that it will be stored under.
        """
        if self.loaded is not None and not self.begins:
            return self.loaded.id
        if self._next_id is None:
            self._next_id = secrets.token_urlsafe(self._id_bytes)
        return self._next_id

    @property
    def begins(self) -> bool:
        """Whether saving it begins a session with a new id."""
        return self.loaded is None or self.succession > Succession.SAME

    @property
    def new(self) -> bool:  # type: ignore[override]  # the mixin has a constant
        return self.loaded is None

    def rotate(self) -> None:
        """Keep the data and take a new token. The old token ends with the request."""
        self._load_values()
        self.succession = max(self.succession, Succession.NEW_ID)
        self.modified = True

    def changes(self) -> Changes:
        """The changes since the session was loaded, nested ones included."""
        stored = self._loaded.fields if self._loaded else {}
        values = self._load_values()
        changed = {
            name: text
            for name, value in _named(values)
            if value is not _ENCODED
            and (text := _changed_text(value, stored.get(name))) is not None
        }
        return Changes(changed, stored.keys() - {name for name, _ in _named(values)})

    def fields(self) -> Fields:
        """All values, encoded."""
        stored = self._loaded.fields if self._loaded else {}
        return {
            name: stored[name] if value is _ENCODED else encode(value)
            for name, value in _named(self._load_values())
        }

    def _load_values(self) -> dict[str, Any]:
        if self._values is None:
            self._loaded = self._load_once()
            names = self._loaded.fields if self._loaded else ()
            # Sorted as in Flask's own cookie, whatever order the store returns.
            self._values = dict.fromkeys(sorted(map(_session_key, names)), _ENCODED)
        return self._values

    def _load_once(self) -> LoadedSession | None:
        # The error page may use the session too: do not wait for the store again.
        if self._failure is not None:
            raise self._failure
        try:
            return self._load()
        except StoreUnavailable as failure:
            self._failure = failure
            raise

    def __getitem__(self, name: str) -> Any:
        values = self._load_values()
        value = values[name]
        if value is _ENCODED and self._loaded is not None:
            value = values[name] = decode(self._loaded.fields[_field_name(name)])
        return value

    def __setitem__(self, name: str, value: Any) -> None:
        self._load_values()[name] = value
        self.modified = True

    def __delitem__(self, name: str) -> None:
        del self._load_values()[name]
        self.modified = True

    def __iter__(self) -> Iterator[str]:
        return iter(self._load_values())

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._load_values())

    def __len__(self) -> int:
        return len(self._load_values())

    def __contains__(self, name: object) -> bool:
        return name in self._load_values()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {dict(self)!r}>" if self.is_loaded else "<Session>"

    def setdefault(self, name: str, default: Any = None) -> Any:
        # The mixin's own would set `modified` also if the key exists.
        return self[name] if name in self else super().setdefault(name, default)

    def popitem(self) -> tuple[str, Any]:
        # As in a dict: the last item (the mixin takes the first), or a KeyError.
        name = next(reversed(self), "")
        return name, self.pop(name)

    def update(self, *args: Any, **kwargs: Any) -> None:
        super().update(*args, **kwargs)
        self.modified = True

    def clear(self) -> None:
        self._load_values().clear()
        self.succession = Succession.CLEARED
        self.modified = True

    def copy(self) -> dict[str, Any]:
        """A dict of the values, as Flask's own session returns it."""
        return dict(self)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return deepcopy(self.copy(), memo)

    def __or__(self, other: Any) -> Any:
        return self.copy() | other

    def __ror__(self, other: Any) -> Any:
        return other | self.copy()

    def __ior__(self, other: Any) -> Self:
        self.update(other)
        return self


def _named(values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((_field_name(key), value) for key, value in values.items())


def _field_name(key: str) -> str:
    """The field of a session key. A leading `@`, which marks own fields, is doubled.

    A key that is no string becomes the text that JSON makes of it, as in Flask's own cookie.
    Raises `TypeError` if JSON cannot.
    """
    text = key if isinstance(key, str) else next(iter(json.loads(json.dumps({key: None}))))
    return f"@{text}" if text.startswith("@") else text


def _session_key(name: str) -> str:
    return name[1:] if name.startswith("@") else name


def _changed_text(value: Any, stored: str | None) -> str | None:
    """The text to write for a value; `None` if it equals the stored one.

    Encoding an unchanged value may give another text (integer keys of a dict come back as text and
    sort differently), so the stored text is decoded and encoded too before they are compared: a
    value that was only read must not overwrite another request's write.
    """
    text = encode(value)
    if stored is None or (text != stored and text != encode(decode(stored))):
        return text
    return None
