"""One serializer for every backend: Flask's tagged JSON, value by value.

A value comes back as it was stored: tuple, bytes, Markup, UUID and datetime included. There is no
pickle anywhere, not even as a fallback (OWASP ASVS 5.0, 1.5.2).
"""

from datetime import datetime
from typing import Any

from flask.json.tag import JSONTag, TaggedJSONSerializer


class TagDateTime(JSONTag):
    """Flask's own tag writes an HTTP date, which loses microseconds and makes naive times UTC."""

    __slots__ = ()
    key = " d"

    def check(self, value: Any) -> bool:
        return isinstance(value, datetime)

    def to_json(self, value: Any) -> str:
        return str(value.isoformat())

    def to_python(self, value: Any) -> datetime:
        return datetime.fromisoformat(value)


class FieldSerializer(TaggedJSONSerializer):
    """Tagged JSON with exact times. `dumps` gives one line of text for one value."""

    default_tags = [  # noqa: RUF012 - Flask's attribute, read once by its __init__
        tag if tag.key != TagDateTime.key else TagDateTime
        for tag in TaggedJSONSerializer.default_tags
    ]


_serializer = FieldSerializer()
encode = _serializer.dumps
"""One value as text. Raises `TypeError` for a type that JSON and the tags do not know."""
decode = _serializer.loads
"""The value of the text. Raises `ValueError`, `TypeError` or `KeyError` for any other text."""
