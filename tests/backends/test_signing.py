"""Our signatures are those of itsdangerous, which Flask's tools read and write."""

from hashlib import sha256

import pytest
from itsdangerous import BadSignature, Signer, TimestampSigner, URLSafeTimedSerializer

from backends.record import CREATED, ID
from backends.tokens.cookie_format import SessionSerializer
from backends.tokens.signing import TokenSigner

KEYS = (b"an older key", b"the key of today")
SALT = "session lab cookie"


def theirs(keys: tuple[bytes, ...] = KEYS) -> Signer:
    return Signer(list(keys), salt=SALT, key_derivation="hmac", digest_method=sha256)


def test_each_verifies_what_the_other_has_signed() -> None:
    ours = TokenSigner(KEYS, SALT.encode())
    for value in (b"", b"an-id_of.letters", b"x" * 5000, "€".encode()):
        assert ours.sign(value) == theirs().sign(value)
        assert ours.unsign(theirs().sign(value)) == value
        assert ours.unsign(theirs(KEYS[:1]).sign(value)) == value


def test_another_text_of_the_same_signature_is_refused() -> None:
    """The last character of Base64 has bits that mean nothing."""
    ours = TokenSigner(KEYS, SALT.encode())
    signed = ours.sign(b"value")
    last = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    others = {signed[:-1] + bytes([each]) for each in last} - {signed}
    for other in (*others, *(signed + more for more in (b"A", b"=", b" ", b"."))):
        with pytest.raises(BadSignature):
            ours.unsign(other)


@pytest.mark.parametrize("size", [10, 5000])
def test_a_cookie_is_one_of_itsdangerous(size: int) -> None:
    fields = {ID: '"1"', CREATED: "1700000000", "text": f'"{"x" * size}"'}
    cookie = SessionSerializer(KEYS, SALT, lambda: 1_700_000_000.5).dumps(fields)
    reader = URLSafeTimedSerializer(
        list(KEYS),
        salt=SALT,
        signer=TimestampSigner,
        signer_kwargs={"key_derivation": "hmac", "digest_method": sha256},
    )
    values, signed_at = reader.loads(cookie, return_timestamp=True)
    assert values == {ID: "1", CREATED: 1_700_000_000, "text": "x" * size}
    assert signed_at.timestamp() == 1_700_000_000
    assert SessionSerializer(KEYS, SALT, lambda: 0.0).loads(cookie)[1] == 1_700_000_000
    assert len(cookie) < 1000
