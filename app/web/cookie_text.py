"""What people can read in a cookie that nobody may have signed, within bounds.

Whoever sends a cookie decides what is in it: a few hundred bytes can inflate to megabytes, or be
nested so deep that printing them fails.
"""

import json
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any
from urllib.parse import unquote

from backends.commands.output import escape_unprintable
from backends.tokens.cookie_format import Decoded, decode_without_key

MAX_DEPTH = 32
MAX_VALUES = 1_000
MAX_CHARACTERS = 8_000
"""Of what is shown."""

MAX_VALUE_CHARACTERS = 300
"""Of one value that is shown."""

_STRING = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)', re.DOTALL)
"""In JSON; the last one may be cut."""

_NESTING = {"[": 1, "{": 1, "]": -1, "}": -1}

_COPIED = re.compile(r"^\s*(?:set-)?cookie:", re.IGNORECASE)

_PAIR = re.compile(r"^([^=:\"]+)[=:](.+)$", re.DOTALL)
"""`session=…`, and `session:"…"` as Firefox copies it; a value alone has none of these signs."""


def describe(decoded: Decoded, *, whole: bool = False) -> str:
    """The decoded text as indented JSON; what is not shown is said. `whole`: with long values."""
    # A surrogate cannot be sent, and a terminal obeys control characters.
    return escape_unprintable(_describe(decoded, whole=whole))


def _describe(decoded: Decoded, *, whole: bool) -> str:
    if not decoded.is_whole:
        return _cut(decoded.text, f"longer than {len(decoded.text):,} characters")
    signs = _STRING.sub("", decoded.text)
    if max(accumulate(_NESTING.get(sign, 0) for sign in signs)) > MAX_DEPTH:
        return f"It cannot be read: it is nested more than {MAX_DEPTH} deep."
    # One for each comma and each list or object, which is one too many for an empty one.
    if sum(map(signs.count, "[{,")) > MAX_VALUES:
        return _cut(decoded.text, f"more than {MAX_VALUES:,} values")
    try:
        value = json.loads(decoded.text)
    except ValueError:
        return "It cannot be read: it is no JSON."
    text = json.dumps(value if whole else _shorten(value), indent=2, ensure_ascii=False)
    return text if whole else _cut(text, f"{len(text):,} characters", MAX_CHARACTERS)


def find_values(copied: str) -> Iterator[str]:
    """The values that may be cookies in what people copied.

    A value, a pair, or a whole line `Cookie:` or `Set-Cookie:`; quoted, escaped or with blanks.
    """
    for part in _COPIED.sub("", copied).split(";"):
        pair = _PAIR.match(part.strip())
        value = pair[2] if pair else part
        yield unquote(value.strip(" \t\r\n'\""))


def decode_copied(copied: str) -> Decoded | None:
    """The first cookie of a signed session in what people copied; `None` without one."""
    found = map(decode_without_key, find_values(copied))
    return next((decoded for decoded in found if decoded is not None), None)


def _cut(text: str, because: str, most: int = MAX_CHARACTERS // 4) -> str:
    return text if len(text) <= most else f"{text[:most]}\n… cut here: {because}"


def _shorten(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_VALUE_CHARACTERS:
        return f"{value[:MAX_VALUE_CHARACTERS]}… ({len(value)} characters)"
    if isinstance(value, list):
        return [_shorten(item) for item in value]
    if isinstance(value, dict):
        return {name: _shorten(item) for name, item in value.items()}
    return value
