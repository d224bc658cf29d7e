"""Sessions in Redis: the owners' lists."""

import fakeredis
import pytest

from backends.record import hash_owner
from backends.redis import RedisStore
from tests.support.clock import SetClock

HOUR = 3600


@pytest.fixture
def store(clock: SetClock) -> RedisStore:
    client = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    return RedisStore(client, clock=clock, max_session_seconds=8 * HOUR)


def list_of(owner: str) -> str:
    return f"session:of:{hash_owner(owner)}"


def test_rows_of_ended_sessions_leave_with_later_logins(store: RedisStore, clock: SetClock) -> None:
    for number in range(100):
        store.create(f"{number:064x}", {}, HOUR / 2, owner="alice")
        clock.forward(HOUR)
    assert store.client.zcard(list_of("alice")) <= 8


def test_a_list_read_during_a_login_keeps_the_new_row(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    enlist = store._enlist

    def enlist_and_read(listed: str, *arguments: str | int) -> None:
        enlist(listed, *arguments)
        assert store.sessions_of("alice") == {}

    monkeypatch.setattr(store, "_enlist", enlist_and_read)
    store.create("a" * 64, {}, HOUR, owner="alice")
    assert store.sessions_of("alice").keys() == {"a" * 64}


@pytest.mark.parametrize("plant", ["set", "rpush"])
def test_another_key_in_the_place_of_a_list_stops_no_login(store: RedisStore, plant: str) -> None:
    getattr(store.client, plant)(list_of("alice"), "something")
    assert store.sessions_of("alice") == {}
    getattr(store.client, plant)(list_of("alice"), "something")
    store.create("a" * 64, {}, HOUR, owner="alice")
    assert store.sessions_of("alice").keys() == {"a" * 64}
