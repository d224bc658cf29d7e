"""The lists of owners' sessions on a real Redis: what the contract of a store does not ask for."""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from app.lab.measuring import call_in_parallel
from backends.record import CREATED, hash_owner
from backends.redis import LOGIN_TIMEOUT_SECONDS, RedisStore
from backends.redis_access.client import connect
from backends.store import SessionGone, StoreUnavailable
from backends.timing import deadline
from tests.backends.records import key
from tests.support.clock import SetClock
from tests.support.failures import raising
from tests.support.services import RedisServer

HOUR = 3600
LISTED = f"session:of:{hash_owner('alice')}"
LOGINS = 8


pytestmark = pytest.mark.usefixtures("ample_time")


@pytest.fixture
def store(redis_server: RedisServer, clock: SetClock) -> Iterator[RedisStore]:
    with connect(redis_server.url) as client:
        client.flushall()
        yield RedisStore(client, clock=clock, max_session_seconds=8 * HOUR)


def log_in(store: RedisStore, number: int) -> None:
    store.create(key(number), {CREATED: repr(store.clock())}, HOUR, owner="alice")


def evict(store: RedisStore) -> None:
    """Remove the owner's list, as a full Redis may."""
    assert store.client.delete(LISTED) == 1


def rows(store: RedisStore) -> list[str]:
    """The keys in the owner's list, in its order."""
    client: Any = store.client
    return [row.decode() for row in client.zrange(LISTED, 0, -1)]


def alive(store: RedisStore, count: int) -> set[str]:
    return {key(number) for number in range(count) if store.load(key(number))}


def test_a_row_that_is_no_text_keeps_nobody_out(store: RedisStore) -> None:
    log_in(store, 0)
    client: Any = store.client
    client.zadd(LISTED, {b"\xff\xfe": store.clock() + 9 * HOUR, b"": store.clock() + 9 * HOUR})
    assert store.sessions_of("alice").keys() == {key(0)}
    log_in(store, 1)
    assert store.end_oldest("alice", key(1), 5) == []
    assert store.sessions_of("alice").keys() == {key(0), key(1)}


def test_rows_of_ended_sessions_leave_with_later_logins(store: RedisStore, clock: SetClock) -> None:
    for number in range(20):
        store.create(key(number), {}, HOUR / 2, owner="alice")
        clock.forward(HOUR)
    assert len(rows(store)) <= 8


def test_a_list_read_during_a_login_keeps_the_new_row(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    enlist = store._enlist

    def enlist_and_read(listed: str, *arguments: str | int) -> None:
        enlist(listed, *arguments)
        assert store.sessions_of("alice") == {}

    monkeypatch.setattr(store, "_enlist", enlist_and_read)
    log_in(store, 1)
    assert store.sessions_of("alice").keys() == {key(1)}


@pytest.mark.parametrize("plant", ["set", "rpush"])
def test_another_key_in_the_place_of_a_list_stops_no_login(store: RedisStore, plant: str) -> None:
    getattr(store.client, plant)(LISTED, "something")
    assert store.sessions_of("alice") == {}
    getattr(store.client, plant)(LISTED, "something")
    log_in(store, 1)
    assert store.sessions_of("alice").keys() == {key(1)}


def test_a_session_has_ended_whose_row_cannot_be_removed(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A logout is none that changed nothing, and a login that ended others has succeeded."""
    for number in range(3):
        log_in(store, number)
    with monkeypatch.context() as patch:
        patch.setattr(store, "_remove_rows", raising(StoreUnavailable, "it is down"))
        assert store.delete(key(0))
        assert store.end_oldest("alice", key(2), 1) == [key(1)]
    assert alive(store, 3) == {key(2)}
    assert list(store.sessions_of("alice")) == [key(2)]
    assert store.end_oldest("alice", key(2), 1) == []


class TestEvictedLists:
    def test_a_touch_lists_a_living_session_again(self, store: RedisStore) -> None:
        for number in (1, 2):
            log_in(store, number)
        store.delete(key(2))
        evict(store)
        assert store.load(key(1)) is not None
        assert rows(store) == []  # who only reads lists nothing
        assert store.end_oldest("alice", key(1), 1) == []
        store.touch(key(1), HOUR)
        with pytest.raises(SessionGone):
            store.touch(key(2), HOUR)
        assert rows(store) == [key(1)]
        assert store.sessions_of("alice").keys() == {key(1)}

    def test_an_update_lists_it_when_a_tenth_of_its_life_is_over(
        self, store: RedisStore, clock: SetClock
    ) -> None:
        log_in(store, 1)
        evict(store)
        store.update(key(1), {"a": "1"}, (), HOUR)
        assert rows(store) == []
        clock.forward(HOUR / 9)
        store.update(key(1), {"a": "2"}, (), HOUR)
        assert rows(store) == [key(1)]

    def test_the_order_is_that_of_the_logins(self, store: RedisStore, clock: SetClock) -> None:
        for number in range(3):
            log_in(store, number)
            clock.forward(60)
        for number in (1, 0, 2):
            store.touch(key(number), HOUR)
        assert rows(store) == [key(0), key(1), key(2)]
        evict(store)
        for number in (1, 2, 0):
            store.touch(key(number), HOUR)
        assert rows(store) == [key(0), key(1), key(2)]

    def test_a_list_lives_as_long_as_its_sessions(self, store: RedisStore, clock: SetClock) -> None:
        log_in(store, 1)
        client: Any = store.client
        client.expire(LISTED, 5)
        store.touch(key(1), HOUR)
        assert client.ttl(LISTED) > HOUR

    def test_a_list_that_cannot_be_written_fails_no_update(
        self, store: RedisStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log_in(store, 1)
        monkeypatch.setattr(store, "_renew_row", raising(StoreUnavailable, "no"))
        store.update(key(1), {}, (), HOUR)


@pytest.mark.usefixtures("slow")
class TestLongLists:
    """Nobody's list may become too long to be read, and so to end their sessions."""

    @pytest.fixture
    def slow(self, store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
        """A step has time for eight commands, and a batch has two rows."""
        monkeypatch.setattr("backends.redis.MAX_BATCH", 2)
        run, left = store._commands.run, dict[float, int]()

        def run_slowly(*command: Any) -> Any:
            step = deadline._ends.get(0.0)
            left[step] = left.get(step, 8) - 1
            if left[step] < 0:
                raise StoreUnavailable("the time is used up")
            return run(*command)

        monkeypatch.setattr(store._commands, "run", run_slowly)

    def log_in_often(self, store: RedisStore) -> None:
        for number in range(20):
            log_in(store, number)

    def test_living_sessions_are_all_found(self, store: RedisStore) -> None:
        self.log_in_often(store)
        assert store.sessions_of("alice").keys() == set(rows(store)) == alive(store, 20)

    def test_rows_of_expired_sessions_leave_it(self, store: RedisStore, clock: SetClock) -> None:
        self.log_in_often(store)
        clock.forward(2 * HOUR)
        log_in(store, 20)
        assert store.sessions_of("alice").keys() == set(rows(store)) == {key(20)}

    def test_a_login_under_a_limit_shortens_it(self, store: RedisStore, clock: SetClock) -> None:
        self.log_in_often(store)
        clock.forward(2 * HOUR)
        log_in(store, 20)
        for _ in range(20):
            with suppress(StoreUnavailable):
                assert store.end_oldest("alice", key(20), 1) == []
                break
        assert rows(store) == [key(20)]


class TestEndOldest:
    def test_an_ended_record_takes_nobodys_place(self, store: RedisStore, clock: SetClock) -> None:
        for number in range(3):
            log_in(store, number)
        store.client.delete(f"session:{key(1)}")
        store.client.delete(f"session:{key(2)}")
        clock.forward(LOGIN_TIMEOUT_SECONDS + 1)
        log_in(store, 3)
        assert (store.end_oldest("alice", key(3), 2), rows(store)) == ([], [key(0), key(3)])

    def test_a_login_that_was_overtaken_ends_itself(
        self, store: RedisStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        enlist = store._enlist

        def enlist_and_be_overtaken(*arguments: Any) -> None:
            enlist(*arguments)
            monkeypatch.setattr(store, "_enlist", enlist)
            log_in(store, 1)
            assert store.end_oldest("alice", key(1), 1) == []  # the other has no record yet

        monkeypatch.setattr(store, "_enlist", enlist_and_be_overtaken)
        log_in(store, 0)
        assert (store.end_oldest("alice", key(0), 1), alive(store, 2)) == ([key(0)], {key(1)})

    def test_a_long_list_is_shortened_part_by_part(
        self, store: RedisStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(7):
            log_in(store, number)
        delete_record = store._delete_record

        def fail_at_the_fourth(which: str) -> Any:
            if which == key(3):
                raise StoreUnavailable("the time is used up")
            return delete_record(which)

        monkeypatch.setattr("backends.redis.MAX_BATCH", 2)
        with monkeypatch.context() as patch:
            patch.setattr(store, "_delete_record", fail_at_the_fourth)
            with pytest.raises(StoreUnavailable):
                store.end_oldest("alice", key(6), 1)
        assert rows(store) == [key(2), key(3), key(4), key(5), key(6)]
        assert store.end_oldest("alice", key(6), 1) == [key(3), key(4), key(5)]
        assert alive(store, 7) == {key(6)}

    @pytest.mark.parametrize("limit", [1, 3])
    def test_logins_at_once_leave_exactly_the_limit(self, store: RedisStore, limit: int) -> None:
        def log_in_and_end(number: int) -> list[str]:
            log_in(store, number)
            return store.end_oldest("alice", key(number), limit)

        for _ in range(10):
            store.client.flushall()
            logins = [partial(log_in_and_end, number) for number in range(LOGINS)]
            ended = call_in_parallel(*logins)
            left = alive(store, LOGINS)
            assert len(left) == limit
            assert left.isdisjoint(other for others in ended for other in others)
            assert left == store.sessions_of("alice").keys() == set(rows(store))
