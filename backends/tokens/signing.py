"""Signatures: those of itsdangerous, with the derived key computed once.

`itsdangerous.Signer` derives its key and makes its objects at each call, which costs more than the
signature itself. What is signed here can be verified there, and the other way round.
"""

import hmac
from base64 import urlsafe_b64encode
from functools import lru_cache

from itsdangerous import BadSignature

SEPARATOR = b"."


class TokenSigner:
    """Signs with HMAC-SHA-256 (RFC 2104) and verifies with each of several keys."""

    def __init__(self, secret_keys: tuple[bytes, ...], salt: bytes) -> None:
        """`secret_keys`: the newest last, which signs."""
        derived = [hmac.digest(secret, salt, "sha256") for secret in reversed(secret_keys)]
        self._keys = [hmac.new(key, digestmod="sha256") for key in derived]

    def sign(self, value: bytes) -> bytes:
        return value + SEPARATOR + _signature(self._keys[0], value)

    def unsign(self, signed: bytes) -> bytes:
        """The value. Raises `BadSignature` unless one of the keys has signed exactly that."""
        value, _, signature = signed.rpartition(SEPARATOR)
        for key in self._keys:
            if hmac.compare_digest(_signature(key, value), signature):
                return value
        raise BadSignature("no key of this application has signed it")


@lru_cache(maxsize=64)
def signer(secret_keys: tuple[bytes, ...], salt: str) -> TokenSigner:
    """The signer of these keys, which is made once."""
    return TokenSigner(secret_keys, salt.encode())


def _signature(key: hmac.HMAC, value: bytes) -> bytes:
    signing = key.copy()  # an HMAC that is made from the key takes twice as long
    signing.update(value)
    return urlsafe_b64encode(signing.digest()).rstrip(b"=")
