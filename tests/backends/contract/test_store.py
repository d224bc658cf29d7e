"""The contract of a store, for the built-in ones and those of packages."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import call, patch

import fakeredis
import pytest

from backends import BACKENDS, BUILT_IN, StoreInterface
from backends.filesystem import FileSystemStore
from backends.redis import RedisStore
from backends.redis_access.client import connect
from backends.sqlite import SqliteStore
from backends.store import ListsSessions, SessionGone, ShowsRecords, Store
from tests.backends.records import fields, key
from tests.support.bare import make_bare
from tests.support.cases import case
from tests.support.clock import SetClock
from tests.support.services import left_to_it

KEY = "a" * 64
OTHER = "b" * 64
FIELDS = {"user": '"alice"', "cart": "[1,2]"}

BROUGHT = [name for name, backend in BACKENDS.items() if name not in BUILT_IN and backend.check]


BUILT_IN_STORES = ("filesystem", "sqlite", "redis_server", "redis-embedded", "redis_cluster")


@pytest.fixture(params=[*BUILT_IN_STORES, *BROUGHT])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: SetClock) -> Iterator[Store]:
    """Each store, empty: on disk, on the servers of a fixture, and that of each package."""
    folder = tmp_path / "sessions"
    match request.param:
        case "filesystem":
            yield FileSystemStore(folder, clock)
        case "sqlite":
            yield SqliteStore(folder, clock)
        case "redis-embedded":
            yield RedisStore(fakeredis.FakeRedis(server=fakeredis.FakeServer()), clock=clock)
        case "redis_server" | "redis_cluster" as service:
            with connect(request.getfixturevalue(service).url) as client:
                client.flushall()
                yield RedisStore(client, clock=clock)
        case name:
            interface = make_bare(name, clock, SESSION_FILE_DIR=folder).session_interface
            if not isinstance(interface, StoreInterface):
                left_to_it("it keeps its sessions by an interface of its own")
            yield interface.store


def _skip_unless(offers: bool, store: Store) -> None:
    """Skip an optional part if a package's store lacks it; the built-in have all."""
    if not offers:
        assert not isinstance(store, FileSystemStore | SqliteStore | RedisStore)
        left_to_it("this store does not offer it")


def test_a_created_record_is_loaded_with_its_fields_and_its_life(store: Store) -> None:
    store.create(KEY, FIELDS, 60)
    record = store.load(KEY)
    assert record is not None
    assert record.fields == FIELDS
    assert record.ttl == pytest.approx(60, abs=0.002)


def test_create_never_overwrites_a_record(store: Store) -> None:
    store.create(KEY, FIELDS, 60)
    with pytest.raises(KeyError):
        store.create(KEY, {"user": '"mallory"'}, 60)
    assert fields(store, KEY) == FIELDS


def test_an_unknown_key_is_nothing_and_leaves_nothing(store: Store) -> None:
    assert store.load(KEY) is None
    assert store.delete(KEY) is False
    with pytest.raises(SessionGone):
        store.touch(KEY, 60)
    assert store.load(KEY) is None


def test_an_update_writes_what_it_names_and_keeps_the_rest(store: Store) -> None:
    store.create(KEY, {**FIELDS, "old": "1"}, 60)
    store.update(KEY, {"cart": "[]", "new": "2"}, ["old"], 60)
    assert fields(store, KEY) == {"user": '"alice"', "cart": "[]", "new": "2"}


def test_two_updates_of_different_fields_both_survive(store: Store) -> None:
    store.create(KEY, {}, 60)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.update(KEY, {f"f{n}": str(n)}, (), 60), range(40)))
    assert fields(store, KEY) == {f"f{n}": str(n) for n in range(40)}


@pytest.mark.parametrize("how", ["deleted", "expired"])
def test_no_update_brings_an_ended_record_back(store: Store, clock: SetClock, how: str) -> None:
    store.create(KEY, FIELDS, 60)
    if how == "deleted":
        assert store.delete(KEY) is True
    else:
        clock.forward(60)
    with pytest.raises(SessionGone):
        store.update(KEY, {"cart": "[3]"}, (), 60)
    assert store.load(KEY) is None


def test_a_record_lives_until_its_time_and_not_longer(store: Store, clock: SetClock) -> None:
    store.create(KEY, FIELDS, 60)
    clock.forward(59.9)
    assert store.load(KEY) is not None
    clock.forward(0.1)
    assert store.load(KEY) is None


def test_a_touch_and_an_update_let_a_record_live_longer(store: Store, clock: SetClock) -> None:
    store.create(KEY, FIELDS, 60)
    store.create(OTHER, FIELDS, 60)
    clock.forward(50)
    store.touch(KEY, 60)
    store.update(OTHER, {}, (), 60)
    clock.forward(50)
    assert (fields(store, KEY), fields(store, OTHER)) == (FIELDS, FIELDS)


def test_any_text_comes_back_as_it_was(store: Store) -> None:
    for text in ("", "ä€😀", 'quotes " and \\', "line\nbreak\ttab", "\0", "x" * 200_000):
        with case(text[:20]):
            store.create(KEY, {"text": text, text[:50] or "empty": "1"}, 60)
            assert fields(store, KEY)["text"] == text
            store.delete(KEY)


def test_a_record_can_be_looked_at_as_it_rests(store: Store) -> None:
    _skip_unless(isinstance(store, ShowsRecords), store)
    assert isinstance(store, ShowsRecords)
    store.create(KEY, FIELDS, 60)
    seen = store.at_rest(KEY)
    assert seen is not None
    assert KEY in seen.where
    assert seen.fields == FIELDS
    assert seen.size > sum(len(name) + len(text) for name, text in FIELDS.items())
    assert store.at_rest(OTHER) is None


@pytest.fixture
def listing(store: Store) -> Any:
    """A store that also lists the records of an owner."""
    _skip_unless(isinstance(store, ListsSessions), store)
    return store


class TestSessionsOfAnOwner:
    def test_an_owner_sees_his_own_records_and_no_other(self, listing: Any) -> None:
        listing.create(KEY, FIELDS, 60, owner="alice")
        listing.create(OTHER, FIELDS, 60, owner="bob")
        assert listing.sessions_of("alice").keys() == {KEY}
        assert listing.sessions_of("bob").keys() == {OTHER}
        assert listing.sessions_of("nobody") == {}

    def test_an_ended_record_leaves_the_list(self, listing: Any, clock: SetClock) -> None:
        listing.create(KEY, FIELDS, 60, owner="alice")
        listing.create(OTHER, FIELDS, 600, owner="alice")
        listing.delete(OTHER)
        assert listing.sessions_of("alice").keys() == {KEY}
        clock.forward(60)
        assert listing.sessions_of("alice") == {}

    def test_a_changed_record_keeps_its_owner(self, listing: Any) -> None:
        listing.create(KEY, FIELDS, 60, owner="alice")
        listing.update(KEY, {"cart": "[]"}, ["user"], 60)
        listing.touch(KEY, 60)
        assert listing.sessions_of("alice")[KEY].fields == {"cart": "[]"}
        listing.delete(KEY)
        assert listing.sessions_of("alice") == {}

    def test_any_name_can_own_a_record(self, listing: Any) -> None:
        for number, owner in enumerate(("", "../../etc", "a/b", "ä€😀", "\0", "x" * 5000, "*")):
            with case(owner[:20]):
                listing.create(key(number), FIELDS, 60, owner=owner)
                assert listing.sessions_of(owner).keys() == {key(number)}

    def test_the_list_does_not_cost_a_look_at_other_peoples_records(self, listing: Any) -> None:
        for number in range(20):
            listing.create(key(number), FIELDS, 60, owner=f"user{number}")
        with patch.object(listing, "load", wraps=listing.load) as load:
            assert len(listing.sessions_of("user7")) == 1
        # A store may find it in one step.
        assert load.call_args_list in ([], [call(key(7))])


class TestTheLimitOfAnOwner:
    def test_all_but_the_last_created_end(self, listing: Any) -> None:
        for number in range(5):
            listing.create(key(number), FIELDS, 60, owner="alice")
        listing.create(OTHER, FIELDS, 60, owner="bob")
        assert listing.end_oldest("alice", key(4), 2) == [key(0), key(1), key(2)]
        assert listing.sessions_of("alice").keys() == {key(3), key(4)}
        assert listing.end_oldest("alice", key(4), 2) == []
        assert listing.load(key(0)) is None
        assert listing.load(OTHER) is not None

    def test_they_go_by_arrival_whatever_the_clocks(self, listing: Any, clock: SetClock) -> None:
        for number in range(6):
            listing.create(key(number), FIELDS, 10**6, owner="alice")
            clock.forward(-600)
            if number == 3:
                listing.delete(key(3))
        assert listing.end_oldest("alice", key(5), 2) == [key(0), key(1), key(2)]
        assert listing.sessions_of("alice").keys() == {key(4), key(5)}

    def test_an_ended_record_takes_nobodys_place(self, listing: Any, clock: SetClock) -> None:
        listing.create(key(1), FIELDS, 600, owner="alice")
        listing.create(key(2), FIELDS, 60, owner="alice")
        clock.forward(61)
        listing.create(key(3), FIELDS, 600, owner="alice")
        assert listing.end_oldest("alice", key(3), 2) == []
        assert listing.sessions_of("alice").keys() == {key(1), key(3)}

    def test_a_login_that_another_has_ended_is_named(self, listing: Any) -> None:
        for number in (1, 2):
            listing.create(key(number), FIELDS, 60, owner="alice")
        listing.delete(key(1))
        assert listing.end_oldest("alice", key(1), 3) == [key(1)]
        assert listing.load(key(2)) is not None
