"""The serializer of all backends: Flask's tagged JSON for each value.

Values keep their types, also tuple, bytes, Markup, UUID and datetime. Pickle is never used, not
even as a fallback (OWASP ASVS 5.0, 1.5.2).
"""

from collections.abc import Collection
from datetime import datetime
from math import isfinite
from types import NoneType
from typing import Any

import flask.json
import msgspec
from flask.json.provider import DefaultJSONProvider, JSONProvider
from flask.json.tag import JSONTag, TaggedJSONSerializer

SCALARS = frozenset({str, int, bool, NoneType})
"""The types that JSON has, without a float, which may be infinite."""

TEXT = frozenset({str})

TAG_MARK = '{" '
"""How each of Flask's tags begins in JSON; inside a string its quote is escaped."""

_encoders = {False: msgspec.json.Encoder(), True: msgspec.json.Encoder(order="sorted")}
"""By whether keys are sorted."""

_decode = msgspec.json.Decoder().decode


class TagDateTime(JSONTag):
    """Exact times. Flask's own tag loses microseconds and turns naive times into UTC."""

    __slots__ = ()
    key = " d"

    def check(self, value: Any) -> bool:
        return isinstance(value, datetime)

    def to_json(self, value: Any) -> str:
        return str(value.isoformat())

    def to_python(self, value: Any) -> datetime:
        return datetime.fromisoformat(value)


class FieldSerializer(TaggedJSONSerializer):
    """Tagged JSON with exact times; plain values take a shorter way to the same JSON.

    An application's own tags are registered as with Flask: `serializer.register(Tag)`.
    """

    default_tags = [  # noqa: RUF012 - Flask's attribute, read once by its __init__
        tag if tag.key != TagDateTime.key else TagDateTime
        for tag in TaggedJSONSerializer.default_tags
    ]

    def __init__(self, before: object = None) -> None:
        """`before`: the serializer that this one replaces, whose own tags it takes over.

        One that has no tags, as Flask-Session's, gives none.
        """
        super().__init__()
        self._has_flasks_json = True
        self._json: Any = flask.json
        self._tags_of_flask = len(self.order)
        known = {*TaggedJSONSerializer.default_tags, *self.default_tags}
        for index, tag in enumerate(getattr(before, "order", ())):
            if type(tag) not in known:
                self.register(type(tag), force=True, index=index)  # it may replace one of Flask's

    def use(self, json: JSONProvider) -> None:
        """Write and read by the JSON of an application, whose class may still have a `default`.

        Flask's module asks the current application, which may be another than the session's.
        """
        self._json = json
        self._has_flasks_json = all(
            getattr(getattr(json, name), "__func__", None) is getattr(DefaultJSONProvider, name)
            for name in ("dumps", "loads")
        )

    @property
    def _is_short(self) -> bool:
        """Whether plain values may take the shorter way: nobody has a JSON or tags of their own."""
        return self._has_flasks_json and len(self.order) == self._tags_of_flask

    def dumps(self, value: Any) -> str:
        text = self._json.dumps(self.tag(value), separators=(",", ":"))
        # Some libraries make bytes, which Flask takes for an answer.
        return text if isinstance(text, str) else str(text, "utf-8")

    def loads(self, value: str) -> Any:
        return self._untag_scan(self._json.loads(value))

    def encode(self, value: Any, sort_keys: bool = True) -> str:
        """The value as one line of text.

        Raises `TypeError` for what Flask refuses, and for what could not be decoded again.
        """
        try:
            if self._is_short and _is_plain(value):
                return _encoders[sort_keys].encode(value).decode()
        except (ValueError, RecursionError):
            pass  # a lone surrogate, which only Flask's JSON can write; or what neither can
        try:
            text = self.dumps(value)
            self.loads(text)
        except (ValueError, KeyError, AttributeError, RecursionError) as error:
            raise TypeError(f"{type(value).__name__} cannot be read back: {error}") from error
        return text

    def encode_plain(self, values: Collection[Any], sort_keys: bool) -> list[str] | None:
        """The values as texts, if all are plain; faster together than one by one."""
        if not self._is_short:
            return None
        try:
            if SCALARS.issuperset(map(type, values)) or all(map(_is_plain, values)):
                lines = _encoders[sort_keys].encode_lines(values).decode()
                texts = lines.split("\n")  # no text has a line break: JSON escapes it
                texts.pop()  # what follows the last one; a slice would copy them all
                return texts
        except (ValueError, RecursionError):
            pass
        return None

    def decode(self, text: str) -> Any:
        """The value of a text.

        Raises `ValueError`, `TypeError`, `KeyError` or `AttributeError` for damage.
        """
        if self._is_short and TAG_MARK not in text:
            try:
                return _decode(text)
            except msgspec.DecodeError:
                pass  # a lone surrogate or NaN, which only Flask's JSON can read
        return self.loads(text)


def _is_plain(value: Any) -> bool:
    """Whether the value consists of types that JSON has, exactly, and needs no tag."""
    kind = type(value)
    if kind in SCALARS:
        return True
    if kind is float:
        return isfinite(value)
    if kind is list:
        return SCALARS.issuperset(map(type, value)) or all(map(_is_plain, value))
    if kind is dict:
        return (
            TEXT.issuperset(map(type, value))
            and not (len(value) == 1 and next(iter(value)).startswith(" "))
            and all(map(_is_plain, value.values()))
        )
    return False
