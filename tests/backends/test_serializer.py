"""The shorter way of plain values gives what Flask's serializer gives."""

from typing import Any

import pytest
from flask.json.tag import TaggedJSONSerializer
from hypothesis import given
from hypothesis import strategies as st

from backends.serializer import FieldSerializer

OURS, FLASKS = FieldSerializer(), TaggedJSONSerializer()

SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.binary()
FLOATS = st.floats(allow_nan=False)
KEYS = st.text() | st.sampled_from([" t", " di", " b", " d", "@x", ""])
VALUES = st.recursive(
    SCALARS | FLOATS,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)


def described(value: Any) -> str:
    """The value with the types of everything in it."""
    return repr(value)


@given(value=VALUES, sort_keys=st.booleans())
def test_a_value_comes_back_as_from_flask(value: Any, sort_keys: bool) -> None:
    text = OURS.encode(value, sort_keys)
    expected = FLASKS.loads(FLASKS.dumps(value))
    assert (OURS.decode(text), FLASKS.loads(text)) == (expected, expected)
    if not sort_keys:
        assert described(OURS.decode(text)) == described(expected)


@pytest.mark.parametrize(
    "value",
    [
        *(2**63, 2**64, -(2**63) - 1, 10**400, 1e16, 5e-324, -0.0, float("inf"), -float("inf")),
        *("\ud800", {"\udfff": "\ud800"}, ["\0", "\u2028"], {" t": [1]}, {" t": 1, "a": 2}),
    ],
    ids=repr,
)
def test_so_do_values_at_the_edges(value: Any) -> None:
    decoded = OURS.decode(OURS.encode(value))
    assert decoded == FLASKS.loads(FLASKS.dumps(value))
    assert described(decoded) == described(FLASKS.loads(FLASKS.dumps(value)))


def test_nan_stays_nan() -> None:
    value = OURS.decode(OURS.encode([float("nan")]))[0]
    assert value != value


@pytest.mark.parametrize("depth", [2000, 100_000])
def test_what_is_too_deep_is_refused(depth: int) -> None:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    with pytest.raises(TypeError):
        OURS.encode(value)


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize("value", [Text("a"), {Text("k"): 1}, [Text("a")], True, {"a": (1, [2])}])
def test_a_type_that_only_looks_plain_goes_the_way_of_flask(value: Any) -> None:
    assert OURS.encode(value) == FLASKS.dumps(value)
