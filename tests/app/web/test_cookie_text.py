"""What is read in a cookie that anybody may have made costs no more than its size."""

import json
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous.encoding import base64_encode

from app.web.cookie_text import MAX_CHARACTERS, MAX_DEPTH, decode_copied, describe
from backends.tokens.cookie_format import MAX_INFLATED_BYTES, decode_without_key
from tests.conftest import make_session_lab
from tests.support.covers import covers
from tests.support.visitor import Visitor

MOST_BYTES = 100_000
"""Of any answer, whatever the cookies are."""

SIGNED_AT = base64_encode((1_764_000_000).to_bytes(4)).decode()


def made_up(text: str | bytes, *, compressed: bool = False) -> str:
    """A cookie of Flask's format that nobody has signed."""
    data = text.encode() if isinstance(text, str) else text
    payload = b"." + base64_encode(zlib.compress(data, 9)) if compressed else base64_encode(data)
    return f"{payload.decode()}.{SIGNED_AT}.c2lnbmF0dXJl"


def read_and_describe(value: str, *, whole: bool = False) -> str:
    """What is shown of a cookie that can be read."""
    decoded = decode_without_key(value)
    assert decoded is not None
    return describe(decoded, whole=whole)


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


ATTACKS = {
    "zeros, compressed": made_up("[" + "0," * 130_000 + "0]", compressed=True),
    "lists and zeros, compressed": made_up(nested(300)[:-300] + "0," * 130_000, compressed=True),
    "ten megabytes, compressed": made_up('{"a":"' + "x" * 10_000_000 + '"}', compressed=True),
    "objects, compressed": made_up('{"a":[' + '{"b":1},' * 6_000 + "0]}", compressed=True),
    "deep": made_up(nested(1_400)),
    "deep, compressed": made_up(nested(30_000), compressed=True),
    "deep objects": made_up('{"a":' * 30 + "1" + "}" * 30),
    "quotes without an end": made_up('["' + '\\"' * 1_400),
    "an escape at the end": made_up('["a\\'),
    "cut": made_up('{"user":"ali'),
    "compressed and cut": made_up('{"user":"alice"}', compressed=True)[:24] + f".{SIGNED_AT}.x",
    "binary": made_up(bytes(range(256))),
    "a lone surrogate": made_up('{"a":"\\ud800"}'),
    "a number of a thousand digits": made_up(f'{{"a":{"9" * 1_000}}}'),
    "a number of five thousand digits": made_up(f'{{"a":{"9" * 5_000}}}', compressed=True),
    "infinite": made_up('{"a":Infinity,"b":NaN}'),
    "larger than any": "x" * 50_000,
    "a time far away": f"{made_up('{}').split('.')[0]}.{'_' * 40}.x",
}


@pytest.mark.parametrize("value", ATTACKS.values(), ids=list(ATTACKS))
@covers("15.2.2")
def test_what_is_decoded_and_shown_is_bounded(value: str) -> None:
    decoded = decode_without_key(value)
    if decoded is not None:
        assert len(decoded.text) <= MAX_INFLATED_BYTES
        assert len(describe(decoded)) <= MAX_CHARACTERS + 100
        assert len(describe(decoded, whole=True)) <= MOST_BYTES


@settings(max_examples=40)
@given(st.binary(max_size=3_000), st.booleans(), st.integers(0, 4_000))
def test_any_bytes_are_decoded_or_not(data: bytes, compressed: bool, cut: int) -> None:
    decoded = decode_without_key(made_up(data, compressed=compressed)[:cut] + f".{SIGNED_AT}.x")
    if decoded is not None:
        describe(decoded).encode()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda values: (
        st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=40)
@given(st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=3), st.booleans())
def test_a_session_is_shown_as_it_is(data: dict[str, Any], compressed: bool) -> None:
    shown = read_and_describe(made_up(json.dumps(data), compressed=compressed), whole=True)
    assert shown.startswith("It cannot be read") or json.dumps(json.loads(shown)) == json.dumps(
        data
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (nested(MAX_DEPTH), "[\n"),
        (nested(MAX_DEPTH + 1), "It cannot be read: it is nested more than 32 deep."),
        (f'["{nested(200)}"]', '[\n  "[[['),
        ("[" + "0," * 1_000 + "0]", "… cut here: more than 1,000 values"),
        ('{"a"', "It cannot be read: it is no JSON."),
    ],
)
def test_what_is_not_shown_is_said(text: str, told: str) -> None:
    assert told in read_and_describe(made_up(text, compressed=True))


def test_a_terminal_is_not_told_what_to_do() -> None:
    for text in ('{"a":"\x9b31m"}', '{"\u202e":1}', '["\x9b', '{"a":"\\u001b[2J"}'):
        assert read_and_describe(made_up(text), whole=True).replace("\n", "").isprintable()


def test_a_bomb_is_shown_as_cut() -> None:
    shown = read_and_describe(ATTACKS["zeros, compressed"])
    assert shown.endswith("… cut here: longer than 65,536 characters")


TOKEN = made_up('{"user":"alice"}')


@pytest.mark.parametrize(
    "copied",
    [
        TOKEN,
        f"  {TOKEN}\n",
        f'"{TOKEN}"',
        f"'{TOKEN}'",
        f"session={TOKEN}",
        f'session="{TOKEN}"',
        f'session:"{TOKEN}"',
        f"Cookie: session={TOKEN}",
        f"cookie: theme=dark; session={TOKEN}; a=b",
        f"Set-Cookie: session={TOKEN}; HttpOnly; Path=/; SameSite=Lax",
        f"session={TOKEN}; Expires=Thu, 26 Nov 2026 10:00:00 GMT; Path=/",
        TOKEN.replace(".", "%2E"),
        f"__Host-session={TOKEN.replace('.', '%2e')}",
    ],
)
def test_a_cookie_is_taken_as_people_copy_it(copied: str) -> None:
    decoded = decode_copied(copied)
    assert decoded is not None
    assert json.loads(describe(decoded)) == {"user": "alice"}


@settings(max_examples=40)
@given(st.text(max_size=200))
def test_any_text_is_a_cookie_or_none(copied: str) -> None:
    decode_copied(copied)


@pytest.fixture(scope="module")
def visitor() -> Visitor:
    """Somebody who is logged in where also their own cookie is decoded."""
    return Visitor(make_session_lab()).logged_in()


def assert_it_answers(visitor: Visitor, **cookies: str) -> None:
    """Every page that shows cookies answers shortly, whoever sends these."""
    sent = {visitor.cookie_name: visitor.token, **cookies}
    header = "; ".join(f"{name}={value}" for name, value in sent.items())
    client = visitor.app.test_client(use_cookies=False)
    for path in ("/inspect", "/column", "/dashboard"):
        answer = client.get(path, headers={"Cookie": header})
        assert answer.status_code in (200, 302), path
        assert len(answer.data) < MOST_BYTES, path


@pytest.mark.parametrize("value", ATTACKS.values(), ids=list(ATTACKS))
def test_no_page_breaks_or_grows_by_a_cookie(visitor: Visitor, value: str) -> None:
    for name in ("another", visitor.cookie_name, f"kept_{visitor.cookie_name}"):
        assert_it_answers(visitor, **{name: value})


def test_no_page_grows_by_many_cookies_or_a_long_name(visitor: Visitor) -> None:
    assert_it_answers(visitor, **{f"c{number}": "x" for number in range(2_000)})
    assert_it_answers(visitor, **{"n" * 200_000: "x"})
