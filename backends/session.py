"""The `session` of a request: loaded when somebody looks at it, decoded field by field."""

import json
import secrets
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

from flask.sessions import SessionMixin

from backends.serializer import decode, encode
from backends.store import Fields, StoreUnavailable


@dataclass(frozen=True, slots=True)
class Saved:
    """A session as its backend holds it."""

    id: str
    token: str
    """What the cookie holds."""
    created: float
    """Seconds since the epoch; survives updates and rotation, so that an absolute limit is one."""
    ttl: float
    """Seconds until it ends if nobody uses it."""
    fields: Fields


class Succession(IntEnum):
    """How the session that a request stores follows the one that it loaded; it only rises."""

    SAME = 0
    """The same session: its token, its age and its data."""
    NEW_ID = 1
    """Rotated: a new token for the same age and data."""
    NEW_OWNER = 2
    """A new token and a new age: another user (OWASP ASVS 5.0, 7.2.4)."""
    CLEARED = 3
    """A new token, a new age and none of the earlier data."""


class _Encoded:
    """The type of `_ENCODED`."""


_ENCODED = _Encoded()
"""Stands for a value that was not read yet: its text is still in the record."""


class Session(SessionMixin):
    """A mapping like Flask's own session object, with three differences.

    - Nothing is loaded before somebody looks, so a view that does not use it costs nothing.
    - `changes()` compares what was loaded with what is there: nested changes are seen without
      `modified`, and a value that was only read is never written.
    - `clear()` ends this session: what is put in afterwards is a new one with a new token. The
      login of Flask's tutorial, clear and set, is thereby safe against fixation
      (OWASP ASVS 5.0, 7.2.4).
    """

    def __init__(
        self, load: Callable[[], Saved | None], id_bytes: int, cookie: str | None = None
    ) -> None:
        self.cookie = cookie
        """The cookie as it came, verified by nobody yet."""
        self._load = load
        self._id_bytes = id_bytes
        self._next_id: str | None = None
        self._saved: Saved | None = None
        self._values: dict[str, Any] | None = None
        self._failure: StoreUnavailable | None = None
        self.modified = False
        self.accessed = False
        self.succession = Succession.SAME

    @property
    def loaded(self) -> bool:
        """Whether anybody has looked at or changed this session in this request."""
        return self._values is not None

    @property
    def saved(self) -> Saved | None:
        """What the backend held when the session was loaded; `None` for a new one."""
        self._current()
        return self._saved

    @property
    def sid(self) -> str:
        """The session's id, under Flask-Session's name for it. A secret: never print it.

        A session that is new, cleared or rotated has the id at once that it is stored under.
        """
        if self.saved is not None and not self.begins:
            return self.saved.id
        if self._next_id is None:
            self._next_id = secrets.token_urlsafe(self._id_bytes)
        return self._next_id

    @property
    def begins(self) -> bool:
        """Whether this request, if it stores anything, begins a session with a new id."""
        return self.saved is None or self.succession > Succession.SAME

    @property
    def new(self) -> bool:  # type: ignore[override]  # the mixin has a constant
        return self.saved is None

    def rotate(self) -> None:
        """Keep the data and take a new token; the old one dies when the request ends."""
        self._current()
        self.follow_as(Succession.NEW_ID)
        self.modified = True

    def follow_as(self, succession: Succession) -> None:
        """Let this session follow the loaded one so, unless it is further from it already."""
        self.succession = max(self.succession, succession)

    def changes(self) -> tuple[Fields, set[str]]:
        """What to write: the fields that differ from what was loaded, and the names that left."""
        stored = self._saved.fields if self._saved else {}
        values = self._current()
        changed = {
            name: text
            for name, value in _named(values)
            if value is not _ENCODED
            and (text := _changed_text(value, stored.get(name))) is not None
        }
        return changed, stored.keys() - {name for name, _ in _named(values)}

    def fields(self) -> Fields:
        """Everything in the session, encoded."""
        stored = self._saved.fields if self._saved else {}
        return {
            name: stored[name] if value is _ENCODED else encode(value)
            for name, value in _named(self._current())
        }

    def _current(self) -> dict[str, Any]:
        if self._values is None:
            self._saved = self._load_once()
            names = self._saved.fields if self._saved else ()
            # In the order of Flask's own cookie, whatever order the store gives.
            self._values = dict.fromkeys(sorted(map(_session_key, names)), _ENCODED)
        return self._values

    def _load_once(self) -> Saved | None:
        # A page about the failure may look at the session too: do not wait for the store again.
        if self._failure is not None:
            raise self._failure
        try:
            return self._load()
        except StoreUnavailable as failure:
            self._failure = failure
            raise

    def __getitem__(self, name: str) -> Any:
        values = self._current()
        value = values[name]
        if value is _ENCODED and self._saved is not None:
            value = values[name] = decode(self._saved.fields[_field_name(name)])
        return value

    def __setitem__(self, name: str, value: Any) -> None:
        self._current()[name] = value
        self.modified = True

    def __delitem__(self, name: str) -> None:
        del self._current()[name]
        self.modified = True

    def __iter__(self) -> Iterator[str]:
        return iter(self._current())

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._current())

    def __len__(self) -> int:
        return len(self._current())

    def __contains__(self, name: object) -> bool:
        return name in self._current()

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {dict(self)!r}>" if self.loaded else f"<{type(self).__name__}>"
        )

    def setdefault(self, name: str, default: Any = None) -> Any:
        # A default that was there already is no change; the mixin's own would say it was.
        return self[name] if name in self else super().setdefault(name, default)

    def popitem(self) -> tuple[str, Any]:
        # The last item, as a dict; the mixin takes the first. Of an empty session a KeyError too.
        name = next(reversed(self), "")
        return name, self.pop(name)

    def update(self, *args: Any, **kwargs: Any) -> None:
        super().update(*args, **kwargs)
        self.modified = True

    def clear(self) -> None:
        self._current().clear()
        self.follow_as(Succession.CLEARED)
        self.modified = True

    def copy(self) -> dict[str, Any]:
        """The values as an ordinary dict, as `dict.copy` of Flask's session gives it."""
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
    """The field of a session key: names that begin with `@` are the backends' own, so they double.

    A key that is no string is filed as the text that JSON gives it in Flask's own cookie.
    Raises `TypeError` where JSON has none.
    """
    text = key if isinstance(key, str) else next(iter(json.loads(json.dumps({key: None}))))
    return f"@{text}" if text.startswith("@") else text


def _session_key(name: str) -> str:
    return name[1:] if name.startswith("@") else name


def _changed_text(value: Any, stored: str | None) -> str | None:
    """The text to write for a value, or `None` where the stored text says the same.

    An unchanged value may read differently when it is encoded again (integer keys of a dict come
    back as text and sort differently), so the stored text gets the same round trip before the two
    are called different: a value that was only read must not overwrite another request's write.
    """
    text = encode(value)
    if stored is None or (text != stored and text != encode(decode(stored))):
        return text
    return None
