"""Sessions in an encrypted cookie: the browser holds the whole session, and cannot read it.

Nothing else changes: a copied cookie works until it is too old, the server cannot end it, each
request sends it, and its length tells how much is in it.
"""

import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from itsdangerous import BadData

from backends.cookie import CookieInterface
from backends.store import Clock, Fields
from backends.tokens.cookie_format import Payload
from backends.tokens.signing import decode_base64, encode_base64

PURPOSE = b"session-lab encrypted-cookie 1"
"""What the key is for, and the version of the format."""

HALF_NONCE_BYTES = 12
SECONDS_BYTES = 5
"""Seconds since the epoch, until the year 36812."""


class SealedSerializer:
    """Seals fields and the time with AES-256-GCM (NIST SP 800-38D), and opens them.

    The nonce is random, and so long that it does not repeat: GCM's own 96 bits would do for 2³²
    cookies of a key (8.3 there), which a busy site makes in weeks. Its first half makes a key for
    this cookie, as in XAES-256-GCM (C2SP), and GCM takes the second.

    Nothing is compressed: a length that depends on what is in a cookie tells of it (CRIME).
    """

    def __init__(self, keys: tuple[bytes, ...], salt: str, clock: Clock) -> None:
        """`keys`: the newest last, which seals. A token of another `salt` is refused."""
        derived = [HKDF(SHA256(), 32, None, PURPOSE).derive(key) for key in reversed(keys)]
        self._keys = [hmac.new(key, digestmod="sha256") for key in derived]
        self._salt = salt.encode()
        self._clock = clock

    def dumps(self, fields: Fields) -> str:
        seconds = int(self._clock()).to_bytes(SECONDS_BYTES)
        nonce = os.urandom(2 * HALF_NONCE_BYTES)
        cipher = _cipher(self._keys[0], nonce)
        plain = seconds + Payload.dumps(fields).encode()
        sealed = cipher.encrypt(nonce[HALF_NONCE_BYTES:], plain, self._salt)
        return encode_base64(nonce + sealed).decode()

    def loads(self, token: str) -> tuple[dict[str, str], float]:
        """The fields, and when they were sealed. Raises `BadData` and `ValueError`."""
        plain = self._open(_decode(token))
        return Payload.loads(plain[SECONDS_BYTES:]), int.from_bytes(plain[:SECONDS_BYTES])

    def _open(self, data: bytes) -> bytes:
        nonce, sealed = data[: 2 * HALF_NONCE_BYTES], data[2 * HALF_NONCE_BYTES :]
        for key in self._keys:
            try:
                return _cipher(key, nonce).decrypt(nonce[HALF_NONCE_BYTES:], sealed, self._salt)
            except (InvalidTag, ValueError):  # the latter for a nonce that was cut off
                continue
        raise BadData("no key of this application has sealed it")


def _cipher(key: hmac.HMAC, nonce: bytes) -> AESGCM:
    deriving = key.copy()
    deriving.update(nonce[:HALF_NONCE_BYTES])
    return AESGCM(deriving.digest())


def _decode(token: str) -> bytes:
    """Of exactly the text that `dumps` makes.

    Base64 has several texts for the same bytes: who changed the last letter of a cookie would find
    that it still works.
    """
    text = token.encode("ascii")
    data = decode_base64(text)
    if encode_base64(data) != text:
        raise BadData("it is not written as Base64 writes it")
    return data


class EncryptedCookieInterface(CookieInterface):
    """Sessions in a cookie that is sealed with AES-256-GCM."""

    serializer_type = SealedSerializer
