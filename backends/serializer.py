"""The serializer of all backends: Flask's tagged JSON for each value.

Values keep their types, also tuple, bytes, Markup, UUID and datetime. Pickle is never used, not
even as a fallback (OWASP ASVS 5.0, 1.5.2).
"""

from datetime import datetime
from typing import Any

from flask.json.tag import JSONTag, TaggedJSONSerializer


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
    """Tagged JSON with exact times."""

    default_tags = [  # noqa: RUF012 - Flask's attribute, read once by its __init__
        tag if tag.key != TagDateTime.key else TagDateTime
        for tag in TaggedJSONSerializer.default_tags
    ]


_serializer = FieldSerializer()
encode = _serializer.dumps
"""The value as one line of text. Raises `TypeError` for an unknown type."""
decode = _serializer.loads
"""The value of a text. Raises `ValueError`, `TypeError` or `KeyError` for damage."""
