"""What anybody can read in a token who has no key."""

import binascii
import zlib
from base64 import urlsafe_b64decode

MOST_BYTES = 1 << 20
"""That a part is inflated to: a few bytes can inflate to gigabytes."""


def read_without_key(token: str) -> str:
    """The token as it is, and then what is in each part of it between the dots."""
    contents = (content_of(part).decode("latin-1") for part in token.split("."))
    return "\n".join([token, *contents])


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
