"""What is peculiar to the encrypted cookie: nobody reads it, and its length alone tells of it."""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from itertools import product
from string import ascii_letters, digits

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from itsdangerous import BadData

from backends.encrypted_cookie import SealedSerializer
from backends.record import CREATED, ID
from backends.store import Fields
from backends.tokens.cookie_format import decode_without_key

KEYS = (b"an older key", b"the key of today")
SALT = "session shop session"
NOW = 1_700_000_000


def sealer(keys: tuple[bytes, ...] = KEYS, salt: str = SALT) -> SealedSerializer:
    return SealedSerializer(keys, salt, lambda: NOW + 0.5)


def fields(text: str) -> Fields:
    return {ID: '"1"', CREATED: str(NOW), "card": f'"{text}"'}


def decode(token: str) -> bytes:
    return urlsafe_b64decode(token + "=" * (-len(token) % 4))


def encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def test_it_is_aes_gcm_under_a_key_of_its_own_for_each_token() -> None:
    """Written out once more, from the documents: RFC 5869, NIST SP 800-38D."""
    data = decode(sealer().dumps(fields("4111")))
    purpose = HKDF(SHA256(), 32, None, b"session-lab encrypted-cookie 1").derive(KEYS[-1])
    cipher = AESGCM(hmac.digest(purpose, data[:12], "sha256"))
    plain = cipher.decrypt(data[12:24], data[24:], SALT.encode())
    assert int.from_bytes(plain[:5]) == NOW
    assert plain[5:] == b'{"@id":"1","@created":%d,"card":"4111"}' % NOW


def test_nothing_in_it_can_be_read() -> None:
    token = sealer().dumps(fields("4111111111111111"))
    assert decode_without_key(token) is None
    for secret in (b"4111", b"card", b"@id", str(NOW).encode(), NOW.to_bytes(5)):
        assert secret not in decode(token)
        assert secret not in token.encode()


def test_the_same_session_is_another_token_each_time() -> None:
    tokens = [decode(sealer().dumps(fields("4111"))) for _ in range(100)]
    for begin, end in ((0, 12), (12, 24), (24, 40)):
        assert len({token[begin:end] for token in tokens}) == 100


@pytest.mark.parametrize("length", [1, 100, 2000])
def test_its_length_tells_how_much_is_in_it_and_not_what(length: int) -> None:
    lengths = {
        len(sealer().dumps(fields(text)))
        for text in ("a" * length, secrets.token_hex(length)[:length])
    }
    assert len(lengths) == 1


def test_each_of_the_keys_opens_it_and_no_other_and_the_newest_seals() -> None:
    old, new, token = sealer(KEYS[:1]), sealer(KEYS[1:]), sealer().dumps(fields("x"))
    assert sealer().loads(old.dumps(fields("x"))) == ({**fields("x"), ID: "1"}, NOW)
    assert new.loads(token)[0]["card"] == '"x"'
    for other in (old, sealer(KEYS, "session shop kept"), sealer((b"another",))):
        with pytest.raises(BadData):
            other.loads(token)


def test_every_byte_of_it_counts() -> None:
    data = decode(sealer().dumps(fields("x")))
    for place, bit in product(range(len(data)), (1, 128)):
        changed = bytearray(data)
        changed[place] ^= bit
        with pytest.raises(BadData):
            sealer().loads(encode(bytes(changed)))
    for length in range(len(data)):
        with pytest.raises(BadData):
            sealer().loads(encode(data[:length]))


@pytest.mark.parametrize("text", ["x", "xx", "xxx"])
def test_there_is_one_text_for_its_bytes(text: str) -> None:
    """Base64 ignores signs that are none of its own, and the last bits of the last letter."""
    token = sealer().dumps(fields(text))
    others = [token[:-1] + last for last in ascii_letters + digits + "-_" if last != token[-1]]
    others += [token + "=", token + "==", token + "A", token + "\n", token[:9] + "*" + token[9:]]
    others += [token.replace("-", "+").replace("_", "/") + "!", " " + token, token[:-1]]
    for other in others:
        with pytest.raises((BadData, ValueError)):
            sealer().loads(other)
