"""Signatures: those of itsdangerous, with the derived key computed once.

`itsdangerous.Signer` derives its key and makes its objects at each call, which costs more than the
signature itself. What is signed here can be verified there, and the other way round.
"""

import hmac
from binascii import a2b_base64, b2a_base64
from hashlib import sha256
from typing import Any

from itsdangerous import BadSignature

SEPARATOR = b"."

BLOCK_BYTES = 64
"""Of SHA-256."""

INNER, OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
"""What HMAC makes of a key's bytes, for `bytes.translate`."""

URL_SAFE, STANDARD = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")


class TokenSigner:
    """Signs with HMAC-SHA-256 (RFC 2104) and verifies with each of several keys."""

    def __init__(self, secret_keys: tuple[bytes, ...], salt: bytes) -> None:
        """`secret_keys`: the newest last, which signs."""
        derived = [hmac.digest(secret, salt, "sha256") for secret in reversed(secret_keys)]
        self._keys = [*map(_hash_key, derived)]

    def sign(self, value: bytes) -> bytes:
        return value + SEPARATOR + _signature(self._keys[0], value)

    def unsign(self, signed: bytes) -> bytes:
        """The value. Raises `BadSignature` unless one of the keys has signed exactly that."""
        value, _, signature = signed.rpartition(SEPARATOR)
        for key in self._keys:
            if hmac.compare_digest(_signature(key, value), signature):
                return value
        raise BadSignature("no key of this application has signed it")


def _hash_key(key: bytes) -> tuple[Any, Any]:
    """The beginnings of both hashes of HMAC, which depend on the key alone (RFC 2104)."""
    block = key.ljust(BLOCK_BYTES, b"\0")
    return sha256(block.translate(INNER)), sha256(block.translate(OUTER))


def _signature(key: tuple[Any, Any], value: bytes) -> bytes:
    # By Python's `hmac`, whose steps are functions in Python, it takes twice as long.
    inner, outer = key[0].copy(), key[1].copy()
    inner.update(value)
    outer.update(inner.digest())
    return encode_base64(outer.digest())


def encode_base64(data: bytes) -> bytes:
    return b2a_base64(data, newline=False).translate(URL_SAFE, b"=")


def decode_base64(text: bytes) -> bytes:
    """Of a text whose signature was checked. Raises `ValueError`."""
    return a2b_base64(text.translate(STANDARD) + b"=" * (-len(text) % 4))
