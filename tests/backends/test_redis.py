"""What is peculiar to sessions in Redis."""

import fakeredis

from backends.record import name_of
from backends.redis import RedisStore
from tests.conftest import SetClock

HOUR = 3600


def test_rows_of_ended_sessions_leave_an_owners_list_with_his_next_logins(clock: SetClock) -> None:
    store = RedisStore(
        fakeredis.FakeRedis(server=fakeredis.FakeServer()), clock=clock, longest=8 * HOUR
    )
    for number in range(100):
        store.create(f"{number:064x}", {}, HOUR / 2, owner="alice")
        clock.forward(HOUR)
    assert store.client.zcard(f"session:of:{name_of('alice')}") <= 8
