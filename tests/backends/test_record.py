"""The format of a record."""

from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.record import (
    CREATED,
    FIELD,
    LATEST,
    MANY,
    TEXT,
    TICKS,
    TIMES_AT,
    VERSION,
    add_fields,
    hash_owner,
    join_fields,
    merge,
    owner_in,
    pack,
    size_of,
    split_created,
    times_in,
    unpack,
)

ANY_TEXT = st.text(alphabet=st.characters(), max_size=8) | st.sampled_from(
    [
        *("", "\n", "\\", "\\f", "\\\\t", "\ud800", "\0", "@", "é" * 40),
        *(FIELD, TEXT, f"a{TEXT}b{FIELD}"),
    ]
)
FIELDS = st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=6)


FEWER = settings(max_examples=50)
"""Enough of them, where each takes milliseconds."""


class TestFormat:
    @FEWER
    @given(FIELDS, st.none() | ANY_TEXT)
    def test_what_was_packed_comes_back_in_its_order(
        self, fields: dict[str, str], owner: str | None
    ) -> None:
        name = None if owner is None else hash_owner(owner)
        record = unpack(pack(fields, 1000.5, 60.25, name, 900.13), 1010.5)
        assert list(record.fields.items()) == list(fields.items())
        assert (record.created, record.seen, record.ttl) == (900.13, 1000.5, 50.25)
        assert record.owner == name

    @FEWER
    @given(FIELDS, FIELDS, st.sets(ANY_TEXT, max_size=4))
    def test_changes_keep_the_order_of_the_rest(
        self, fields: dict[str, str], changed: dict[str, str], removed: set[str]
    ) -> None:
        expected = {name: text for name, text in fields.items() if name not in removed}
        expected.update(changed)
        record = unpack(pack(fields, 0, 1), 0)
        for held in (fields, record.fields):
            assert list(merge(held, changed, removed).items()) == list(expected.items())

    @FEWER
    @given(FIELDS, ANY_TEXT)
    def test_fields_are_read_as_those_of_a_dict(self, fields: dict[str, str], name: str) -> None:
        held = unpack(pack(fields, 0, 1), 0).fields
        assert held == fields
        assert (len(held), list(held), held.get(name)) == (
            len(fields),
            list(fields),
            fields.get(name),
        )
        assert (name in held) == (name in fields)
        assert size_of(held) == size_of(fields)
        for each, text in fields.items():
            assert each in held
            assert held[each] == held.get(each) == text
        if name not in fields:
            with pytest.raises(KeyError):
                held[name]

    @FEWER
    @given(FIELDS, st.integers(0, 3 * MANY), st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=2))
    def test_a_new_record_is_the_same_however_many_fields_it_has(
        self, strange: dict[str, str], count: int, own: dict[str, str]
    ) -> None:
        plain = {f"n{number}": f'"{number}"' for number in range(count)}
        own = {name: text for name, text in own.items() if name not in {CREATED, *plain}}
        names = [*plain, *(name for name in strange if name not in {CREATED, *plain, *own})]
        texts = [*plain.values(), *['"a text"'] * (len(names) - count)]
        added = add_fields(join_fields(names, texts), own)
        assert list(added.items()) == [*zip(names, texts, strict=True), *own.items()]
        for last in ({}, {"seen": "1"}):
            whole = add_fields(added, {CREATED: "900.13", **last})
            fields, created = split_created(whole)
            assert created == 900.13
            expected = dict(added.items()) | last
            assert pack(fields, 1000, 60, None, created) == pack(expected, 1000, 60, None, created)
            assert split_created(fields) == (expected, 0)

    def test_of_two_fields_of_one_name_the_last_counts(self) -> None:
        names = ["same"] * MANY
        assert join_fields(names, [*map(str, range(MANY))]) == {"same": str(MANY - 1)}

    def test_a_name_with_separators_is_none_of_several_fields(self) -> None:
        held = unpack(pack({"a": "b", "c": "d"}, 0, 1), 0).fields
        name = f"a{TEXT}b{FIELD}c"
        assert name not in held
        assert held.get(name) is None
        assert merge(held, {}, [name]) == held
        assert merge(held, {name: "e"}, ()) == {"a": "b", "c": "d", name: "e"}

    def test_a_record_is_a_line_and_its_fields(self) -> None:
        data = pack({"user": '"alice"', "cart": "[]"}, 1_700_000_000, 60)
        head, fields = data.decode().split("\n")
        assert (fields, len(head)) == ('\x1euser\x1f"alice"\x1ecart\x1f[]', 29)

    @pytest.mark.parametrize("body", [b"\x1euser", b"user\x1f1", b"\xff"])
    def test_a_right_checksum_alone_makes_no_record(self, body: bytes) -> None:
        sealed = pack({}, 0, 1)[TIMES_AT:] + body
        with pytest.raises(ValueError, match=r"no fields|invalid start"):
            unpack(b"%b%08x%b" % (VERSION, crc32(sealed, crc32(VERSION)), sealed), 0)

    @given(st.binary(max_size=80))
    def test_bytes_of_anybody_are_damage(self, data: bytes) -> None:
        with pytest.raises(ValueError, match="checksum"):
            unpack(data, 0)

    @given(st.floats(0, 1e9), st.floats(0.02, 1e6))
    def test_no_record_lives_longer_than_its_life(self, now: float, ttl: float) -> None:
        assert ttl - 0.011 < unpack(pack({}, now, ttl), now).ttl <= ttl + 0.00002

    def test_a_life_without_an_end_is_cut(self) -> None:
        assert times_in(pack({}, 0, 1e15)) == (0, 0, LATEST / TICKS)

    def test_the_owner_is_read_from_the_beginning_alone(self) -> None:
        name = hash_owner("alice")
        for fields in ({}, {"a": "1" * 40}):
            assert owner_in(pack(fields, 0, 1, name)[:61]) == name
            assert owner_in(pack(fields, 0, 1)[:61]) is None
