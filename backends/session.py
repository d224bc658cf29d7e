"""The `session` of a request: loaded at its first use, decoded field by field."""

import secrets
import threading
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Self

from flask import Flask, Request
from flask.sessions import SessionMixin

from backends.http.refusal import answer_is_decided
from backends.loaded_session import (
    IMMUTABLE,
    PERMANENT_KEY,
    Changes,
    LoadedSession,
    Opens,
    Succession,
    field_name,
    field_names,
    is_session_field,
    session_keys,
)
from backends.store import Fields, StoreUnavailable

_ENCODED = object()
"""Stands for a value that was not read yet: its text is still in the record."""


class Session(SessionMixin):
    """A mapping with the public names of Flask's own session object, and three differences.

    - It is loaded at its first use, so a view that does not use it costs nothing.
    - Nested changes are found without `modified`, and a value that was only read is never written.
    - `clear()` ends the session: later values belong to a new one with a new token. The login of
      Flask's tutorial, clear and set, is thereby safe against fixation (OWASP ASVS 5.0, 7.2.4).

    Names with an underscore are for the backends: a template's `{{ session.id }}` is a key.

    If it cannot be loaded, the first use raises `StoreUnavailable`. Once that is reported, and
    where the answer is decided already (an error page, a function after the request), it reads as
    empty; it is never saved then, and each write raises or refuses the answer.
    """

    # What most sessions never change is the class's: each is made for one request.
    _next_id: str | None = None
    _loaded_session: LoadedSession | None = None
    _written: Changes | None = None
    """What was saved of `_loaded_session` and is not in its fields yet."""
    _values: dict[str, Any] | None = None
    _loading: dict[str, Any] | None = None  # for receivers and logs that its loading calls
    _failure: StoreUnavailable | None = None
    _is_whole = False
    """Whether `_values` has all keys, in their order; before, it has those that were used."""
    _is_unread = False
    """Whether its record was not, or could not be, loaded."""
    _is_refused = _modified = _held_back = False
    _succession = Succession.SAME
    """It is only ever raised, until it is saved."""

    def __init__(self, interface: Opens, app: Flask, request: Request) -> None:
        self._interface = interface
        self._app = app
        self._request = request
        self._lock = threading.RLock()
        self._as_read: dict[str, Any] = {}

    @property
    def modified(self) -> bool:
        """Whether something was set, or the application says so.

        An explicit `False` holds back what changed until then, as in Flask.
        """
        return self._modified

    @modified.setter
    def modified(self, value: bool) -> None:
        self._modified = value
        self._held_back = not value

    @property
    def new(self) -> bool:  # type: ignore[override]  # the mixin has a constant
        return self._loaded is None

    @property
    def permanent(self) -> bool:
        """Flask's `_permanent`. Many ask for it, and it is looked for once."""
        values = self._values  # as `_used`, without its call: a write asks three times
        if values is None:
            values = self._load_values()
        if PERMANENT_KEY in values:
            return bool(self.get(PERMANENT_KEY))
        loaded = self._loaded_session
        return loaded is not None and loaded.permanent and not self._is_whole

    @permanent.setter
    def permanent(self, value: bool) -> None:
        try:
            self[PERMANENT_KEY] = bool(value)
        except StoreUnavailable:
            # Many set it before each request. It only prolongs: a page that needs nothing else of
            # the session is answered, and the first use of it raises again.
            if not value:
                raise
            self._values, self._is_unread, self._failure = None, False, None

    @property
    def _is_untouched(self) -> bool:
        """Whether it certainly is as it was loaded: what was read of it cannot change."""
        return (
            self._loaded_session is not None
            and not self._modified
            and not self._held_back
            and IMMUTABLE.issuperset(map(type, self._as_read.values()))
        )

    @property
    def _loaded(self) -> LoadedSession | None:
        """The session as it was loaded; `None` for a new one. Loads it at the first use."""
        if self._values is None:
            self._load_values()
        if self._written is not None and self._loaded_session is not None:
            fields = self._written.applied_to(self._loaded_session.fields)
            self._loaded_session, self._written = self._loaded_session._replace(fields=fields), None
        return self._loaded_session

    @property
    def _id(self) -> str:
        """The session's id, a secret.

        A new, cleared or rotated session already has the id that it will be stored under.
        """
        loaded = self._loaded
        if loaded is not None and self._succession is Succession.SAME:
            return loaded.id
        if self._next_id is None:
            self._next_id = secrets.token_urlsafe(self._interface.id_bytes)
        return self._next_id

    def _rotate(self) -> None:
        """Keep the data and take a new token. The old token ends with the request."""
        self._begin_change()
        self._raise_succession(Succession.NEW_ID)

    def _raise_succession(self, succession: Succession) -> None:
        self._succession = max(self._succession, succession)

    def _become(self, loaded: LoadedSession | None, written: Changes | None = None) -> None:
        """Go on from what was saved: a request may save its session more than once."""
        if loaded is None:
            dict(self)  # reads `_permanent`, which may be all that is left, while it can be read
        self._loaded_session, self._written, self._as_read = loaded, written, {}
        self._is_unread, self._failure = False, None
        self._succession = Succession.SAME
        self._next_id = None

    def _changes(self) -> Changes:
        """The changes since the session was loaded, nested ones included."""
        # As it is now, in one look: a thread of the request may still write or read the rest.
        is_whole, values, stored = self._is_whole, self._used().copy(), self._stored
        used = self._unless_as_read(values)
        changed: dict[str, str] = {}
        for (key, value), text in zip(used.items(), self._encode_all(used), strict=True):
            name = field_name(key)
            if not self._is_as_stored(key, value, text, stored.get(name)):
                changed[name] = text
        if not is_whole:
            return Changes(changed, set())
        missing = stored.keys() - field_names(values)
        return Changes(changed, set(filter(is_session_field, missing)))

    def _fields(self) -> Fields:
        """All values, encoded."""
        values = self._all().copy()  # as in `_changes`
        names, stored = field_names(values), self._stored
        new = self._unless_as_read(values) if stored else values
        texts = self._encode_all(new)
        if len(new) < len(values):
            encoded = dict(zip(new, texts, strict=True))
            pairs = zip(values, names, strict=True)
            texts = [encoded[key] if key in encoded else stored[name] for key, name in pairs]
        return self._interface.make_fields(names, texts)

    def _unless_as_read(self, values: dict[str, Any]) -> dict[str, Any]:
        """The values without those that are certainly as they were loaded."""
        as_read = self._as_read
        return {
            key: value
            for key, value in values.items()
            if value is not _ENCODED
            and not (type(value) in IMMUTABLE and value is as_read.get(key, _ENCODED))
        }

    def _sorts_keys(self) -> bool:
        return getattr(self._app.json, "sort_keys", False)

    def _encode(self, key: str, value: Any) -> str:
        try:
            return self._interface.serializer.encode(value, self._sorts_keys())
        except TypeError as error:
            raise TypeError(f"session[{key!r}] cannot be stored: {error}") from error

    def _encode_all(self, values: dict[str, Any]) -> list[str]:
        serializer, sort_keys = self._interface.serializer, self._sorts_keys()
        texts = serializer.encode_plain(values.values(), sort_keys)
        return texts or [self._encode(key, value) for key, value in values.items()]

    def _is_as_stored(self, key: str, value: Any, text: str, stored: str | None) -> bool:
        """Whether the value, whose text this is, equals the stored one.

        Encoding an unchanged list or dict may give another text (integer keys come back as text
        and sort differently), so the stored text is decoded and encoded too before they are
        compared: a value that was only read must not overwrite another request's write.
        """
        if text == stored:
            return True
        if stored is None or type(value) in IMMUTABLE:
            return False
        try:
            return text == self._encode(key, self._interface.serializer.decode(stored))
        except Exception:  # an own tag may not read it any more
            return False

    @property
    def _stored(self) -> Fields:
        """The fields as they were loaded."""
        return self._loaded_session.fields if self._loaded_session else {}

    def _used(self) -> dict[str, Any]:
        """The values that were used until now, at least. Loads the session at the first use."""
        values = self._values
        return self._load_values() if values is None else values

    def _all(self) -> dict[str, Any]:
        """All values, those that nobody has read as `_ENCODED`."""
        values = self._used()
        is_all = self._is_whole or self._values is None  # it is being loaded, and empty still
        return values if is_all else self._name_values()

    def _load_values(self) -> dict[str, Any]:
        with self._lock:  # threads of one request share what the first of them loads
            if self._values is None:
                if self._loading is not None:  # or it would be loaded without an end
                    return self._loading
                self._loading = {}
                try:
                    self._loaded_session = self._interface._load_first(self._app, self._request)
                except StoreUnavailable as failure:
                    self._failure = failure
                    self._values, self._is_unread = {}, True
                    if not answer_is_decided():
                        raise
                else:
                    self._values = self._loading
                finally:
                    self._loading = None
        return self._values

    def _name_values(self) -> dict[str, Any]:
        with self._lock:
            assert self._values is not None
            if not self._is_whole:
                loaded = self._loaded_session
                if loaded is not None:
                    fields = dict(loaded.fields.items())  # each of them will be looked for
                    self._loaded_session = loaded._replace(fields=fields)
                    names = (sorted if self._sorts_keys() else list)(session_keys(fields))
                    self._values = dict.fromkeys(names, _ENCODED) | self._values
                self._is_whole = True
            return self._values

    def _refuse_unread(self) -> None:
        """Raise, or let the answer be refused, if the session could not be loaded."""
        if self._failure is not None and self._succession < Succession.CLEARED:
            if not answer_is_decided():
                raise self._failure
            self._is_refused = True

    def _begin_change(self) -> dict[str, Any]:
        """The values that were used until now, to be changed under the lock."""
        values = self._used()
        if self._failure is not None:
            self._refuse_unread()
        self._modified, self._held_back = True, False
        return values

    def __getitem__(self, name: str) -> Any:
        value = self.get(name, _ENCODED)
        if value is _ENCODED:
            raise KeyError(name)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        values = self._values
        if values is None:
            values = self._load_values()
        value = values.get(name, _ENCODED)
        if value is not _ENCODED:
            return value
        return default if self._loaded_session is None else self._decode(name, default)

    def _decode(self, name: str, default: Any) -> Any:
        with self._lock:  # two threads must get the same list
            values = self._used()
            value = values.get(name, _ENCODED)
            if value is not _ENCODED:
                return value
            text = self._stored_text(name)
            if text is None:
                return default
            values[name] = self._as_read[name] = value = self._interface.serializer.decode(text)
            return value

    def _stored_text(self, name: object) -> str | None:
        """The text of a key that is in the session; `None` if it is not, or has been set."""
        loaded = self._loaded_session
        if loaded is None or not isinstance(name, str):
            return None
        if self._is_whole and name not in self._used():
            return None
        return loaded.fields.get("".join(("@", name)) if name.startswith("@") else name)

    def __setitem__(self, name: str, value: Any) -> None:
        with self._lock:
            self._begin_change()[name] = value

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        with self._lock:
            self._name_values()
            del self._begin_change()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __contains__(self, name: object) -> bool:
        return name in self._used() or self._stored_text(name) is not None

    def __repr__(self) -> str:
        return f"<Session {dict(self)!r}>" if self._values is not None else "<Session>"

    def setdefault(self, name: str, default: Any = None) -> Any:
        # The mixin's own would set `modified` also if the key exists.
        return self[name] if name in self else super().setdefault(name, default)

    def popitem(self) -> tuple[str, Any]:
        # As in a dict: the last item (the mixin takes the first), or a KeyError.
        name = next(reversed(self), "")
        return name, self.pop(name)

    def update(self, *args: Any, **kwargs: Any) -> None:
        given = dict(*args)  # before the change: it may be made of this session
        with self._lock:
            values = self._begin_change()
            values.update(given)
            values.update(kwargs)  # in the same dict they would be copied once more

    def clear(self) -> None:
        # A session can be ended unread, also if it cannot be read: its token says which it is.
        with self._lock:
            self._is_unread = self._is_unread or self._values is None
            self._values, self._is_whole = {}, True
        self._succession = Succession.CLEARED
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


def id_of(session: SessionMixin) -> str | None:
    """The session's id, a secret, as Flask-Session's `session.sid`; `None` if it has none."""
    name = "_id" if isinstance(session, Session) else "sid"
    found: str | None = getattr(session, name, None)
    return found
