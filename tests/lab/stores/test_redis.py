"""Where sessions rest: each kind of place can be counted, read, damaged, aged and broken."""

import os
import sqlite3
import subprocess
import sys
import time
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
from app.lab.stores.files import FilesHarness
from app.lab.stores.redis import EmbeddedRedisHarness, RealRedisHarness
from tests.services import PATIENCE, require


def elsewhere(act: Callable[[], Any]) -> None:
    """Do it in another thread, as the application does all it does."""
    thread = Thread(target=act)
    thread.start()
    thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[FilesHarness]:
    path = tmp_path / "sessions"
    path.mkdir()
    place = FilesHarness(path)
    yield place
    place.close()


@pytest.fixture
def real() -> Iterator[RealRedisHarness]:
    require("redis-server", "redis-server")
    harness = RealRedisHarness()
    yield harness
    harness.close()


@pytest.fixture(params=["embedded", "real"])
def redis_harness(request: pytest.FixtureRequest) -> Any:
    if request.param == "embedded":
        return EmbeddedRedisHarness()
    return request.getfixturevalue("real")


def client_of(place: Any, **options: Any) -> Any:
    """As the application connects."""
    settings = place.settings
    if "SESSION_REDIS" in settings:
        return settings["SESSION_REDIS"]
    return Redis.from_url(settings["REDIS_URL"], retry=Retry(NoBackoff(), 0), **options)


class TestFiles:
    def test_counts_what_the_application_does_with_its_files(self, folder: FilesHarness) -> None:
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

    def test_counts_what_is_done_without_opening_a_file(self, folder: FilesHarness) -> None:
        path = folder.path / "a"
        folder.overwrite("a", b"1")
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

    def test_counts_each_connection_to_a_database(self, folder: FilesHarness) -> None:
        elsewhere(lambda: sqlite3.connect(folder.path / "a").close())
        assert folder.operations() == {"sqlite3.connect": 1}

    def test_counts_nothing_that_lies_beside_it(self, folder: FilesHarness) -> None:
        beside = folder.path.with_name("sessions-of-another")
        elsewhere(lambda: beside.write_bytes(b"1"))
        assert not folder.operations()

    def test_counts_nothing_that_the_laboratory_does(self, folder: FilesHarness) -> None:
        folder.overwrite("a", b"1")
        folder.corrupt("a", bytes.swapcase)
        folder.records()
        assert not folder.operations()

    def test_does_not_watch_any_more_when_it_is_closed(self, folder: FilesHarness) -> None:
        other = FilesHarness(folder.path)
        other.close()
        elsewhere((folder.path / "a").touch)
        assert not other.operations()
        assert folder.operations()

    def test_gives_a_copy_of_every_file(self, folder: FilesHarness) -> None:
        (folder.path / "deep").mkdir()
        folder.overwrite("deep/a", b"1")
        folder.overwrite("b", b"2")
        assert folder.records() == {"deep/a": b"1", "b": b"2"}

    def test_damages_a_file_as_it_is_told(self, folder: FilesHarness) -> None:
        folder.overwrite("a", b"whole")
        folder.corrupt("a", lambda data: data[:2])
        assert folder.records() == {"a": b"wh"}

    def test_is_not_there_while_it_is_down_and_as_before_afterwards(
        self, folder: FilesHarness
    ) -> None:
        folder.overwrite("a", b"1")
        for _ in range(2):
            with folder.stopped():
                assert not folder.path.exists()
                folder.path.mkdir()
                folder.overwrite("b", b"2")
        assert folder.records() == {"a": b"1"}

    def test_takes_no_byte_while_it_is_full_and_lets_files_go(self, folder: FilesHarness) -> None:
        folder.overwrite("a", b"1")
        with folder.disk_full():
            with pytest.raises(OSError, match="large"):
                folder.overwrite("b", b"2")
            (folder.path / "a").unlink()
        folder.overwrite("c", b"3")
        assert folder.records() == {"b": b"", "c": b"3"}

    def test_does_not_hang(self, folder: FilesHarness) -> None:
        with pytest.raises(Skipped), folder.frozen():
            pass

    def test_is_the_same_for_another_process_of_this_machine(self, folder: FilesHarness) -> None:
        assert folder.for_new_process() is folder


class TestBothKindsOfRedis:
    def test_count_what_the_application_asks(self, redis_harness: Any) -> None:
        client = client_of(redis_harness)
        client.set("a", "1")
        with client.pipeline(transaction=False) as pipeline:
            pipeline.get("a")
            pipeline.get("b")
            pipeline.execute()
        assert redis_harness.operations() == {"SET": 1, "GET": 2}

    def test_count_nothing_that_the_laboratory_does(self, redis_harness: Any) -> None:
        redis_harness.overwrite("a", b"1")
        redis_harness.corrupt("a", bytes.swapcase)
        redis_harness.records()
        redis_harness.advance(1)
        assert not redis_harness.operations()

    def test_give_a_copy_of_records_of_every_kind(self, redis_harness: Any) -> None:
        client = client_of(redis_harness)
        client.set("string", b"\xff")
        client.hset("hash", "name", "value")
        client.zadd("zset", {"row": 1})
        client.rpush("list", "first")
        client.sadd("set", "member")
        assert redis_harness.records() == {
            "string": b"\xff",
            "hash": b"name\nvalue",
            "zset": b"row",
            "list": b"first",
            "set": b"member",
        }

    def test_plant_a_string_whatever_was_there_and_keep_its_end(self, redis_harness: Any) -> None:
        client = client_of(redis_harness)
        client.hset("a", "name", "value")
        client.expire("a", 100)
        redis_harness.overwrite("a", b"planted")
        assert client.get("a") == b"planted"
        assert 0 < client.ttl("a") <= 100

    def test_damage_a_string_and_each_value_of_a_hash(self, redis_harness: Any) -> None:
        client = client_of(redis_harness)
        client.set("string", "whole")
        client.hset("hash", mapping={"a": "first", "b": "second"})
        client.zadd("zset", {"row": 1})
        for name in ("string", "hash", "zset"):
            redis_harness.corrupt(name, lambda data: data[:2])
        assert client.get("string") == b"wh"
        assert client.hgetall("hash") == {b"a": b"fi", b"b": b"se"}
        assert client.get("zset") == b"ro"

    def test_are_not_there_while_they_are_down_and_as_before_afterwards(
        self, redis_harness: Any
    ) -> None:
        client = client_of(redis_harness)
        client.set("a", "1")
        for _ in range(2):
            with redis_harness.stopped(), pytest.raises(ConnectionError):
                client.get("a")
            assert client.get("a") == b"1"

    def test_are_not_filled(self, redis_harness: Any) -> None:
        with pytest.raises(Skipped), redis_harness.disk_full():
            pass


class TestEmbedded:
    def test_does_not_hang_and_says_what_would(self) -> None:
        with pytest.raises(Skipped, match="redis-server"), EmbeddedRedisHarness().frozen():
            pass

    def test_is_another_for_another_process(self) -> None:
        place = EmbeddedRedisHarness()
        place.overwrite("a", b"1")
        assert place.for_new_process().records() == {}

    def test_has_the_clock_of_the_process(self) -> None:
        place = EmbeddedRedisHarness()
        client = client_of(place)
        client.set("a", "1", ex=100)
        place.advance(1000)
        assert client.ttl("a") == 100


class TestReal:
    def test_its_clock_ends_what_is_too_old(self, real: RealRedisHarness) -> None:
        client = client_of(real)
        client.set("young", "1", ex=100)
        client.set("old", "1", ex=10)
        client.set("endless", "1")
        real.advance(50)
        assert real.records().keys() == {"young", "endless"}
        assert 0 < client.ttl("young") <= 50

    def test_a_frozen_server_answers_nothing_and_loses_nothing(
        self, real: RealRedisHarness
    ) -> None:
        client = client_of(real, socket_timeout=0.1)
        client.set("a", "1")
        with real.frozen(), pytest.raises(TimeoutError):
            client.get("a")
        assert client.get("a") == b"1"

    def test_commands_inside_scripts_are_not_counted(self, real: RealRedisHarness) -> None:
        client_of(real).eval("return redis.call('SET', KEYS[1], '1')", 1, "a")
        assert real.operations() == {"EVAL": 1}

    def test_commands_before_a_stop_are_still_counted(self, real: RealRedisHarness) -> None:
        client = client_of(real)
        client.set("a", "1")
        with real.stopped():
            pass
        client.get("a")
        assert real.operations() == {"SET": 1, "GET": 1}

    def test_is_the_same_for_another_process(self, real: RealRedisHarness) -> None:
        assert real.for_new_process() is real
        assert real.kind.startswith("Redis ")


def test_the_server_dies_with_its_owner(tmp_path: Path) -> None:
    require("redis-server", "redis-server")
    code = (
        "import os, signal\n"
        "from app.lab.stores.redis_server import RedisServer\n"
        "print(RedisServer().port, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    owner = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    client = Redis(port=int(owner.stdout), retry=Retry(NoBackoff(), 0))
    deadline = time.monotonic() + PATIENCE
    while _answers(client):
        assert time.monotonic() < deadline


def _answers(client: "Redis") -> bool:
    try:
        return bool(client.ping())
    except ConnectionError:
        return False
