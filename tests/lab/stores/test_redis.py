"""Redis as a store: the laboratory counts, reads and corrupts what is in it, and stops it."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, TimeoutError
from redis.retry import Retry

from app.lab.claim import Skipped
from app.lab.stores.redis import EmbeddedRedisHarness, RealRedisHarness
from app.lab.stores.redis_server import RedisServer
from tests.support.processes import run
from tests.support.services import require, until


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


def connect(harness: Any, **options: Any) -> Any:
    """A client as the application has it."""
    settings = harness.settings
    if "SESSION_REDIS" in settings:
        return settings["SESSION_REDIS"]
    return Redis.from_url(settings["REDIS_URL"], retry=Retry(NoBackoff(), 0), **options)


class TestEachKind:
    def test_commands_of_the_application_alone_are_recorded(self, redis_harness: Any) -> None:
        client = connect(redis_harness)
        with redis_harness.record_operations() as operations:
            client.set("a", "1")
            with client.pipeline(transaction=False) as pipeline:
                pipeline.get("a")
                pipeline.get("b")
                pipeline.execute()
            redis_harness.overwrite("a", b"1")  # the laboratory itself
            redis_harness.corrupt("a", bytes.swapcase)
            redis_harness.records()
            redis_harness.advance(1)
        assert operations == ["SET", "GET", "GET"]

    def test_its_records_are_copies_of_every_type(self, redis_harness: Any) -> None:
        client = connect(redis_harness)
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

    def test_any_record_is_overwritten_and_keeps_its_expiry(self, redis_harness: Any) -> None:
        client = connect(redis_harness)
        client.hset("a", "name", "value")
        client.expire("a", 100)
        redis_harness.overwrite("a", b"planted")
        assert client.get("a") == b"planted"
        assert 0 < client.ttl("a") <= 100

    def test_a_string_and_each_value_of_a_hash_are_corrupted(self, redis_harness: Any) -> None:
        client = connect(redis_harness)
        client.set("string", "whole")
        client.hset("hash", mapping={"a": "first", "b": "second"})
        client.zadd("zset", {"row": 1})
        for name in ("string", "hash", "zset"):
            redis_harness.corrupt(name, lambda data: data[:2])
        assert client.get("string") == b"wh"
        assert client.hgetall("hash") == {b"a": b"fi", b"b": b"se"}
        assert client.get("zset") == b"ro"

    def test_it_is_gone_while_stopped_and_unchanged_afterwards(self, redis_harness: Any) -> None:
        client = connect(redis_harness)
        client.set("a", "1")
        for _ in range(2):
            with redis_harness.stopped(), pytest.raises(ConnectionError):
                client.get("a")
            assert client.get("a") == b"1"


class TestEmbedded:
    def test_only_a_redis_server_can_be_frozen_and_no_disk_is_full(self) -> None:
        harness = EmbeddedRedisHarness()
        with pytest.raises(Skipped, match="redis-server"), harness.frozen():
            pass
        with pytest.raises(Skipped), harness.disk_full():
            pass

    def test_another_process_has_another_one(self) -> None:
        harness = EmbeddedRedisHarness()
        harness.overwrite("a", b"1")
        assert harness.for_new_process().records() == {}

    def test_its_clock_is_that_of_the_process(self) -> None:
        harness = EmbeddedRedisHarness()
        client = connect(harness)
        client.set("a", "1", ex=100)
        harness.advance(1000)
        assert client.ttl("a") == 100


class TestReal:
    def test_records_expire_when_its_clock_advances(self, real: RealRedisHarness) -> None:
        client = connect(real)
        client.set("young", "1", ex=100)
        client.set("old", "1", ex=10)
        client.set("endless", "1")
        real.advance(50)
        assert real.records().keys() == {"young", "endless"}
        assert 0 < client.ttl("young") <= 50

    def test_a_frozen_server_answers_nothing_and_loses_nothing(
        self, real: RealRedisHarness
    ) -> None:
        client = connect(real)
        client.set("a", "1")
        with real.frozen(), pytest.raises(TimeoutError):
            connect(real, socket_timeout=0.1).get("a")
        assert client.get("a") == b"1"

    def test_commands_inside_scripts_are_not_recorded(self, real: RealRedisHarness) -> None:
        client = connect(real)
        with real.record_operations() as operations:
            client.eval("return redis.call('SET', KEYS[1], '1')", 1, "a")
        assert operations == ["EVAL"]

    def test_another_process_has_the_same_one(self, real: RealRedisHarness) -> None:
        assert real.for_new_process() is real


def test_signals_to_its_supervisor_leave_no_server() -> None:
    require("redis-server", "redis-server")
    server = RedisServer()
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            server._process.send_signal(number)
        server.close()
        with pytest.raises(ProcessLookupError):
            os.kill(server._pid, 0)
    finally:
        with suppress(ProcessLookupError):
            os.kill(server._pid, signal.SIGKILL)


def test_the_server_dies_with_its_owner(tmp_path: Path) -> None:
    require("redis-server", "redis-server")
    code = (
        "import os, signal\n"
        "from app.lab.stores.redis_server import RedisServer\n"
        "print(RedisServer().port, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    owner = run([sys.executable, "-c", code], environment=environment)
    client = Redis(port=int(owner.stdout), retry=Retry(NoBackoff(), 0))

    def is_gone() -> bool:
        try:
            return not client.ping()
        except ConnectionError:
            return True

    until(is_gone)
