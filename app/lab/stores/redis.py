"""Harnesses for sessions in Redis: a real server, or embedded in the process."""

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fakeredis import FakeRedis, FakeRedisConnection, FakeServer
from hiredis import Reader

from app.lab.stores.harness import Change, OperationCounter, StoreHarness
from app.lab.stores.redis_server import RedisServer

EMBEDDED = "embedded in the process (fakeredis)"

NEEDS_A_SERVER = (
    "The embedded Redis is inside the process and cannot do that. For a real one: "
    "apt-get install redis-server."
)

CONNECTION_SETUP = frozenset({"HELLO", "AUTH", "CLIENT", "SELECT"})
"""Commands that a client sends once for each connection."""


class RedisHarness(StoreHarness):
    """What both kinds have in common. The application does not use `client`."""

    client: Any

    def records(self) -> dict[str, bytes]:
        names = sorted(self.client.scan_iter())
        return {name.decode("utf-8", "replace"): self._read(name) for name in names}

    def isolated_settings(self) -> Mapping[str, Any]:
        return EmbeddedRedisHarness().settings

    def _overwrite(self, name: str, data: bytes) -> None:
        self.client.set(name, data, keepttl=True)

    def _corrupt(self, name: str, change: Change) -> None:
        if self.client.type(name) == b"hash":
            values = {field: change(value) for field, value in self.client.hgetall(name).items()}
            self.client.hset(name, mapping=values)
        else:
            self._overwrite(name, change(self._read(name.encode())))

    def _read(self, name: bytes) -> bytes:
        client = self.client
        read = {
            b"hash": lambda: [part for pair in client.hgetall(name).items() for part in pair],
            b"zset": lambda: client.zrange(name, 0, -1),
            b"set": lambda: client.smembers(name),
            b"list": lambda: client.lrange(name, 0, -1),
            b"string": lambda: [client.get(name) or b""],
            b"none": list,  # it expired a moment ago
        }
        return b"\n".join(read[client.type(name)]())


class RealRedisHarness(RedisHarness):
    """A redis-server started for this subject."""

    def __init__(self) -> None:
        self._server = RedisServer()
        self.client = self._server.client
        super().__init__(
            f"Redis {self.client.info('server')['redis_version']}",
            {"REDIS_URL": self._server.url},
            "The laboratory does not fill a Redis.",
        )
        self._counter = OperationCounter()
        self._start_monitor()

    def operations(self) -> Counter[str]:
        self._read_monitor()
        return self._counter.snapshot()

    def advance(self, seconds: float) -> None:
        for key in self.client.scan_iter():
            left = self.client.pttl(key)
            if left >= 0:
                self.client.pexpire(key, left - round(seconds * 1000))

    def close(self) -> None:
        self._monitor.__exit__(None, None, None)
        self._server.close()

    @contextmanager
    def _stopped(self) -> Iterator[None]:
        self._read_monitor()
        self._server.stop()
        try:
            yield
        finally:
            self._server.start()
            self._start_monitor()

    @contextmanager
    def _frozen(self) -> Iterator[None]:
        self._server.freeze()
        try:
            yield
        finally:
            self._server.thaw()

    def _start_monitor(self) -> None:
        """Start a MONITOR, which reports each command that the server receives.

        `commandstats` would also count the commands inside scripts, which cost no round trip.
        """
        self._monitor = self.client.monitor()
        self._monitor.__enter__()

    def _read_monitor(self) -> None:
        """Count the commands up to now that came by TCP: only the application uses it."""
        mark = secrets.token_hex(8)
        self.client.echo(mark)
        for command in self._monitor.listen():
            if mark in command["command"]:
                return
            name = command["command"].partition(" ")[0].upper()
            if command["client_type"] == "tcp" and name not in CONNECTION_SETUP:
                self._counter.add(name)


class EmbeddedRedisHarness(RedisHarness):
    """The fakeredis inside the application's process."""

    embedded = True

    def __init__(self) -> None:
        self._server = CountingServer()
        application = FakeRedis(server=self._server, connection_class=CountingConnection)
        super().__init__(EMBEDDED, {"SESSION_REDIS": application}, NEEDS_A_SERVER)
        self.client = FakeRedis(server=self._server)

    def operations(self) -> Counter[str]:
        return self._server.counter.snapshot()

    def for_new_process(self) -> "EmbeddedRedisHarness":
        return EmbeddedRedisHarness()

    @contextmanager
    def _stopped(self) -> Iterator[None]:
        self._server.connected = False
        try:
            yield
        finally:
            self._server.connected = True


class CountingServer(FakeServer):
    """An embedded Redis that counts the commands of its `CountingConnection`s."""

    def __init__(self) -> None:
        super().__init__()
        self.counter = OperationCounter()


class CountingConnection(FakeRedisConnection):
    """A connection that counts the commands it sends."""

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        super().send_packed_command(command, check_health)
        assert isinstance(self._server, CountingServer)
        reader = Reader()
        reader.feed(b"".join(command))
        while (words := reader.gets()) is not False:
            name = words[0].decode().upper()
            if name not in CONNECTION_SETUP:
                self._server.counter.add(name)
