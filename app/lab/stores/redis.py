"""Harnesses for sessions in Redis: a real server, or embedded in the process."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import takewhile
from typing import Any

from fakeredis import FakeRedis, FakeRedisConnection, FakeServer
from hiredis import Reader

from app.accounts.guesses import KEY_PREFIX
from app.lab.stores.harness import Change, Outage, StoreHarness
from app.lab.stores.redis_server import RedisServer

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
        # The application's count of wrong passwords is no session.
        counted = KEY_PREFIX.encode()
        names = sorted(name for name in self.client.scan_iter() if not name.startswith(counted))
        return {name.decode("utf-8", "replace"): self._read(name) for name in names}

    def isolated_settings(self) -> Mapping[str, Any]:
        return EmbeddedRedisHarness().settings

    def overwrite(self, name: str, data: bytes) -> None:
        self.client.set(name, data, keepttl=True)

    def corrupt(self, name: str, change: Change) -> None:
        if self.client.type(name) == b"hash":
            values = {field: change(value) for field, value in self.client.hgetall(name).items()}
            self.client.hset(name, mapping=values)
        else:
            self.overwrite(name, change(self._read(name.encode())))

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
        self.socket_url = f"unix://{self._server.socket}"
        """For an application that is measured: `record_operations` does not see it."""
        super().__init__({"REDIS_URL": self._server.url}, "The laboratory does not fill a Redis.")

    @contextmanager
    def record_operations(self) -> Iterator[list[str]]:
        """Records by MONITOR: `commandstats` would count the commands inside scripts too."""
        operations: list[str] = []
        end = secrets.token_hex(8)
        with self.client.monitor() as monitor:
            yield operations
            self.client.echo(end)
            for command in takewhile(lambda each: end not in each["command"], monitor.listen()):
                name = command["command"].partition(" ")[0].upper()
                # Only the application comes by TCP.
                if command["client_type"] == "tcp" and name not in CONNECTION_SETUP:
                    operations.append(name)

    def advance(self, seconds: float) -> None:
        for key in self.client.scan_iter():
            left = self.client.pttl(key)
            if left >= 0:
                self.client.pexpire(key, left - round(seconds * 1000))

    def close(self) -> None:
        self._server.close()

    def stopped(self) -> Outage:
        return self._server.stopped()

    def frozen(self) -> Outage:
        return self._server.frozen()


class EmbeddedRedisHarness(RedisHarness):
    """The fakeredis inside the application's process."""

    embedded = True

    def __init__(self) -> None:
        self._server = RecordingServer()
        application = FakeRedis(server=self._server, connection_class=RecordingConnection)
        super().__init__({"SESSION_REDIS": application}, NEEDS_A_SERVER)
        self.client = FakeRedis(server=self._server)

    @contextmanager
    def record_operations(self) -> Iterator[list[str]]:
        operations: list[str] = []
        before = len(self._server.commands)
        yield operations
        operations += self._server.commands[before:]

    def for_new_process(self) -> "EmbeddedRedisHarness":
        return EmbeddedRedisHarness()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self._server.connected = False
        try:
            yield
        finally:
            self._server.connected = True


class RecordingServer(FakeServer):
    """An embedded Redis that keeps the names of the commands of its `RecordingConnection`s."""

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[str] = []


class RecordingConnection(FakeRedisConnection):
    """A connection that records the names of the commands it sends."""

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        super().send_packed_command(command, check_health)
        assert isinstance(self._server, RecordingServer)
        reader = Reader()
        reader.feed(b"".join(command))
        while (words := reader.gets()) is not False:
            name = words[0].decode().upper()
            if name not in CONNECTION_SETUP:
                self._server.commands.append(name)
