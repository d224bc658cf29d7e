"""Where sessions rest: each kind of place can be counted, read, damaged, aged and broken."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, TimeoutError
from redis.retry import Retry

from app.lab.claim import Skipped
from app.lab.places import EmbeddedRedis, Folder, RealRedis
from backends import ConfigurationError
from tests.support.services import RedisServer

PREFIX = "lab:"


def elsewhere(act: Callable[[], Any]) -> None:
    """Do it in another thread, as the application does all it does."""
    thread = Thread(target=act)
    thread.start()
    thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    path = tmp_path / "sessions"
    path.mkdir()
    place = Folder(path)
    yield place
    place.close()


@pytest.fixture
def real(redis_server: RedisServer) -> Iterator[RealRedis]:
    redis_server.client().flushall()
    place = RealRedis(redis_server.url, PREFIX)
    yield place
    place.close()


@pytest.fixture(params=["embedded", "real"])
def redis_place(request: pytest.FixtureRequest) -> Any:
    if request.param == "embedded":
        return EmbeddedRedis()
    return request.getfixturevalue("real")


def client_of(place: Any, **options: Any) -> Any:
    """As the application connects."""
    settings = place.settings
    if "SESSION_REDIS" in settings:
        return settings["SESSION_REDIS"]
    return Redis.from_url(settings["REDIS_URL"], retry=Retry(NoBackoff(), 0), **options)


class TestFolder:
    def test_counts_what_the_application_does_with_its_files(self, folder: Folder) -> None:
        path = folder.path / "a"
        elsewhere(lambda: path.write_bytes(b"1"))
        elsewhere(path.read_bytes)
        elsewhere(lambda: os.listdir(os.fsencode(folder.path)))  # noqa: PTH208 - a name in bytes
        elsewhere(lambda: path.rename(folder.path / "b"))
        elsewhere((folder.path / "b").unlink)
        assert folder.operations() == {
            "open": 2,
            "os.listdir": 1,
            "os.rename": 1,
            "os.remove": 1,
        }

    def test_counts_what_is_done_without_opening_a_file(self, folder: Folder) -> None:
        path = folder.path / "a"
        folder.plant("a", b"1")
        elsewhere((folder.path / "deep").mkdir)
        elsewhere(lambda: os.utime(path))
        elsewhere(lambda: os.truncate(path, 0))
        elsewhere(lambda: (folder.path / "b").hardlink_to(path))
        assert folder.operations() == {
            "os.mkdir": 1,
            "os.utime": 1,
            "os.truncate": 1,
            "os.link": 1,
        }

    def test_counts_each_connection_to_a_database(self, folder: Folder) -> None:
        elsewhere(lambda: sqlite3.connect(folder.path / "a").close())
        assert folder.operations() == {"sqlite3.connect": 1}

    def test_counts_nothing_that_lies_beside_it(self, folder: Folder) -> None:
        beside = folder.path.with_name("sessions-of-another")
        elsewhere(lambda: beside.write_bytes(b"1"))
        assert not folder.operations()

    def test_counts_nothing_that_the_laboratory_does(self, folder: Folder) -> None:
        folder.plant("a", b"1")
        folder.damage("a", bytes.swapcase)
        folder.records()
        assert not folder.operations()

    def test_does_not_watch_any_more_when_it_is_closed(self, folder: Folder) -> None:
        other = Folder(folder.path)
        other.close()
        elsewhere((folder.path / "a").touch)
        assert not other.operations()
        assert folder.operations()

    def test_gives_a_copy_of_every_file(self, folder: Folder) -> None:
        (folder.path / "deep").mkdir()
        folder.plant("deep/a", b"1")
        folder.plant("b", b"2")
        assert folder.records() == {"deep/a": b"1", "b": b"2"}

    def test_damages_a_file_as_it_is_told(self, folder: Folder) -> None:
        folder.plant("a", b"whole")
        folder.damage("a", lambda data: data[:2])
        assert folder.records() == {"a": b"wh"}

    def test_is_not_there_while_it_is_down_and_as_before_afterwards(self, folder: Folder) -> None:
        folder.plant("a", b"1")
        for _ in range(2):
            with folder.down():
                assert not folder.path.exists()
                folder.path.mkdir()
                folder.plant("b", b"2")
        assert folder.records() == {"a": b"1"}

    def test_takes_no_byte_while_it_is_full_and_lets_files_go(self, folder: Folder) -> None:
        folder.plant("a", b"1")
        with folder.full():
            with pytest.raises(OSError, match="large"):
                folder.plant("b", b"2")
            (folder.path / "a").unlink()
        folder.plant("c", b"3")
        assert folder.records() == {"b": b"", "c": b"3"}

    def test_does_not_hang(self, folder: Folder) -> None:
        with pytest.raises(Skipped), folder.hung():
            pass

    def test_is_the_same_for_another_process_of_this_machine(self, folder: Folder) -> None:
        assert folder.renewed() is folder


class TestBothKindsOfRedis:
    def test_count_what_the_application_asks(self, redis_place: Any) -> None:
        client = client_of(redis_place)
        client.set(f"{PREFIX}a", "1")
        with client.pipeline(transaction=False) as pipeline:
            pipeline.get(f"{PREFIX}a")
            pipeline.get(f"{PREFIX}b")
            pipeline.execute()
        assert redis_place.operations() == {"SET": 1, "GET": 2}

    def test_count_nothing_that_the_laboratory_does(self, redis_place: Any) -> None:
        redis_place.plant(f"{PREFIX}a", b"1")
        redis_place.damage(f"{PREFIX}a", bytes.swapcase)
        redis_place.records()
        redis_place.age(1)
        assert not redis_place.operations()

    def test_give_a_copy_of_records_of_every_kind(self, redis_place: Any) -> None:
        client = client_of(redis_place)
        client.set(f"{PREFIX}string", b"\xff")
        client.hset(f"{PREFIX}hash", "name", "value")
        client.zadd(f"{PREFIX}zset", {"row": 1})
        client.rpush(f"{PREFIX}list", "first")
        client.sadd(f"{PREFIX}set", "member")
        assert redis_place.records() == {
            f"{PREFIX}string": b"\xff",
            f"{PREFIX}hash": b"name\nvalue",
            f"{PREFIX}zset": b"row",
            f"{PREFIX}list": b"first",
            f"{PREFIX}set": b"member",
        }

    def test_plant_a_string_whatever_was_there_and_keep_its_end(self, redis_place: Any) -> None:
        client = client_of(redis_place)
        client.hset(f"{PREFIX}a", "name", "value")
        client.expire(f"{PREFIX}a", 100)
        redis_place.plant(f"{PREFIX}a", b"planted")
        assert client.get(f"{PREFIX}a") == b"planted"
        assert 0 < client.ttl(f"{PREFIX}a") <= 100

    def test_damage_a_string_and_each_value_of_a_hash(self, redis_place: Any) -> None:
        client = client_of(redis_place)
        client.set(f"{PREFIX}string", "whole")
        client.hset(f"{PREFIX}hash", mapping={"a": "first", "b": "second"})
        client.zadd(f"{PREFIX}zset", {"row": 1})
        for name in ("string", "hash", "zset"):
            redis_place.damage(f"{PREFIX}{name}", lambda data: data[:2])
        assert client.get(f"{PREFIX}string") == b"wh"
        assert client.hgetall(f"{PREFIX}hash") == {b"a": b"fi", b"b": b"se"}
        assert client.get(f"{PREFIX}zset") == b"ro"

    def test_are_not_there_while_they_are_down_and_as_before_afterwards(
        self, redis_place: Any
    ) -> None:
        client = client_of(redis_place)
        client.set(f"{PREFIX}a", "1")
        for _ in range(2):
            with redis_place.down(), pytest.raises(ConnectionError):
                client.get(f"{PREFIX}a")
            assert client.get(f"{PREFIX}a") == b"1"

    def test_are_not_filled(self, redis_place: Any) -> None:
        with pytest.raises(Skipped), redis_place.full():
            pass


class TestEmbedded:
    def test_does_not_hang_and_says_what_would(self) -> None:
        with pytest.raises(Skipped, match="redis-server"), EmbeddedRedis().hung():
            pass

    def test_is_another_for_another_process(self) -> None:
        place = EmbeddedRedis()
        place.plant("a", b"1")
        assert place.renewed().records() == {}

    def test_has_the_clock_of_the_process(self) -> None:
        place = EmbeddedRedis()
        client = client_of(place)
        client.set("a", "1", ex=100)
        place.age(1000)
        assert client.ttl("a") == 100


class TestReal:
    def test_ages_what_is_its_own_and_ends_what_is_too_old(
        self, real: RealRedis, redis_server: RedisServer
    ) -> None:
        client = client_of(real)
        client.set(f"{PREFIX}young", "1", ex=100)
        client.set(f"{PREFIX}old", "1", ex=10)
        client.set(f"{PREFIX}endless", "1")
        client.set("of others", "1", ex=100)
        real.age(50)
        assert real.records().keys() == {f"{PREFIX}young", f"{PREFIX}endless"}
        assert 0 < client.ttl(f"{PREFIX}young") <= 50
        assert client.ttl("of others") > 50

    def test_takes_requests_and_answers_none_while_it_hangs(self, real: RealRedis) -> None:
        client = client_of(real, socket_timeout=0.1)
        client.set(f"{PREFIX}a", "1")
        with real.hung(), pytest.raises(TimeoutError):
            client.get(f"{PREFIX}a")
        assert client.get(f"{PREFIX}a") == b"1"

    def test_removes_what_is_its_own_and_nothing_else(self, redis_server: RedisServer) -> None:
        direct = redis_server.client()
        direct.flushall()
        direct.set("of others", "1")
        place = RealRedis(redis_server.url, PREFIX)
        place.plant(f"{PREFIX}a", b"1")
        place.close()
        assert direct.keys() == [b"of others"]

    def test_keeps_credentials_database_and_options_of_the_address(self, real: RealRedis) -> None:
        place = RealRedis("redis://user:p%40ss@localhost:6379/3?protocol=3", PREFIX)
        try:
            url = place.settings["REDIS_URL"]
        finally:
            place._relay.close()
        assert url.startswith("redis://user:p%40ss@127.0.0.1:")
        assert url.endswith("/3?protocol=3")

    @pytest.mark.parametrize("url", ["rediss://localhost", "redis+sentinel://localhost/one"])
    def test_refuses_an_address_that_no_relay_can_stand_before(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="REDIS_URL"):
            RealRedis(url, PREFIX)

    def test_is_the_same_for_another_process(self, real: RealRedis) -> None:
        assert real.renewed() is real
        assert real.kind.startswith("Redis ")
