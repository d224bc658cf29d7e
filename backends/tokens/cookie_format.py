"""The format of Flask's signed cookie: JSON, Base64, the time and a signature.

Anybody can read it; only who has the key can write it.
"""

import json
import zlib
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from itsdangerous import BadData, BadPayload, URLSafeTimedSerializer, want_bytes
from itsdangerous.encoding import base64_decode

from backends.record import ID
from backends.store import Clock, Fields
from backends.tokens.signing import TokenSigner, decode_base64, encode_base64

MAX_COOKIE_BYTES = 4096
"""Name and value: browsers ignore a larger cookie (RFC 6265bis 5.7, step 4)."""


COMPRESSED_FROM_BYTES = 1024
"""Trying to compress less saves little and costs as much as all the rest."""


MAX_INFLATED_BYTES = 16 * MAX_COOKIE_BYTES
"""Of a cookie whose signature nobody has checked: a few bytes can inflate to gigabytes."""


class Decoded(NamedTuple):
    """What anybody can read in a signed cookie, without the key."""

    text: str
    """The session's JSON, with Flask's tags, or its beginning. Nobody may have signed it."""
    is_whole: bool
    signed_at: datetime


def decode_without_key(value: str) -> Decoded | None:
    """Read a signed cookie of Flask's format; `None` for any other value, and for one too large.

    The signature is not checked: reading takes no key, only writing does. It takes no more time
    and space than `MAX_INFLATED_BYTES`; the JSON is not looked into.
    """
    if len(value) > MAX_COOKIE_BYTES:
        return None  # no browser keeps it
    payload, _, signed_at = value.rpartition(".")[0].rpartition(".")
    try:
        text, is_whole = _inflate(payload)
        seconds = int.from_bytes(base64_decode(signed_at))
        if text.lstrip()[:1] not in ("{", "["):
            return None
        return Decoded(text, is_whole, datetime.fromtimestamp(seconds, UTC))
    except (BadData, ValueError, OverflowError, OSError, zlib.error):
        return None


def _inflate(payload: str) -> tuple[str, bool]:
    """The text of a payload, and whether it is all of it."""
    if not payload.startswith("."):
        return base64_decode(payload).decode(), True
    inflater = zlib.decompressobj()
    data = inflater.decompress(base64_decode(payload[1:]), MAX_INFLATED_BYTES)
    if inflater.eof:
        return data.decode(), True
    if len(data) < MAX_INFLATED_BYTES:
        raise ValueError("its end is missing")
    return data.decode("utf-8", "ignore"), False


class Payload:
    """Fields as the JSON object in Flask's cookie, and back."""

    @staticmethod
    def dumps(fields: Fields) -> str:
        names = _encode_names(fields)
        pairs = zip(names, fields.values(), strict=True)
        return "{" + ",".join([f"{name}:{text}" for name, text in pairs]) + "}"

    @staticmethod
    def loads(payload: bytes) -> dict[str, str]:
        try:
            fields = {name: str(text, "utf-8") for name, text in _decode_raw(payload).items()}
        except msgspec.DecodeError:  # a lone surrogate, which only Flask's JSON can write
            values = json.loads(payload)
            fields = {name: json.dumps(value) for name, value in values.items()}
        fields[ID] = _decode_text(fields[ID])
        return fields


def _encode_names(fields: Fields) -> list[str]:
    try:
        return _encode_lines(list(fields)).decode().split("\n")[:-1]
    except (UnicodeEncodeError, TypeError):
        # A lone surrogate, or a subclass of text, such as Markup: Flask's JSON can write both.
        return [*map(json.dumps, fields)]


_encode_lines = msgspec.json.Encoder().encode_lines
_decode_text = msgspec.json.Decoder(str).decode
_decode_raw = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class SessionSerializer(URLSafeTimedSerializer):
    """Reads and makes cookies of Flask's format, without what itsdangerous does twice."""

    def __init__(self, keys: tuple[bytes, ...], salt: str, clock: Clock) -> None:
        super().__init__(list(keys), salt=salt, serializer=Payload)
        self._clock = clock
        self._signer = TokenSigner(keys, salt.encode())

    def dumps(self, obj: Any, salt: Any = None) -> str:
        seconds = int(self._clock())
        signed_at = encode_base64(seconds.to_bytes((seconds.bit_length() + 7) // 8))
        return self._signer.sign(self.dump_payload(obj) + b"." + signed_at).decode()

    def dump_payload(self, obj: Any) -> bytes:
        data = Payload.dumps(obj).encode()
        if len(data) > COMPRESSED_FROM_BYTES:
            compressed = zlib.compress(data)
            if len(compressed) < len(data) - 1:
                return b"." + encode_base64(compressed)
        return encode_base64(data)

    def load_payload(self, payload: bytes, *_: Any, **__: Any) -> Any:
        if not payload.startswith(b"."):
            return Payload.loads(decode_base64(payload))
        try:
            return Payload.loads(zlib.decompress(decode_base64(payload[1:])))
        except zlib.error as error:
            raise BadPayload("it cannot be decompressed", original_error=error) from error

    def loads(self, s: Any, *_: Any, **__: Any) -> tuple[dict[str, str], float]:
        """The fields, and when they were signed. Raises `BadData` and `ValueError`."""
        payload, _dot, signed_at = self._signer.unsign(want_bytes(s)).rpartition(b".")
        return self.load_payload(payload), int.from_bytes(decode_base64(signed_at))
