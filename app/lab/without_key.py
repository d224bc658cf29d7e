"""What anybody can read in a token who has no key."""

import binascii
import re
import zlib
from base64 import urlsafe_b64decode

MOST_BYTES = 1 << 20
"""That a part is inflated to: a few bytes can inflate to gigabytes."""

LAYERS = 3
"""Of Base64 in Base64 that are taken off: more of them hide nothing better."""

NO_BASE64 = re.compile(r"[^A-Za-z0-9_-]+")
"""What stands between the parts of a token."""


def read_without_key(token: str) -> str:
    """The token as it is, and then what is in each part of it, layer by layer."""
    read, outermost = [token], [token]
    for _ in range(LAYERS):
        outermost = [
            content_of(part).decode("latin-1")
            for text in outermost
            for part in NO_BASE64.split(text)
        ]
        read += outermost
    return "\n".join(read)


def content_of(part: str) -> bytes:
    """What is in base64 there, inflated where it is compressed; empty for what is no base64."""
    try:
        decoded = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        return b""
    try:
        return zlib.decompressobj().decompress(decoded, MOST_BYTES)
    except zlib.error:
        return decoded
