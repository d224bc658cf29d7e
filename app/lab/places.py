"""Where a subject's sessions rest, with what experiments do there: count, copy, break, damage."""

import os
import resource
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import get_ident
from typing import Any, Protocol
from urllib.parse import urlsplit

from fakeredis import FakeRedis, FakeRedisConnection, FakeServer
from redis import Redis

from app.lab.claim import Skipped
from app.lab.relay import CommandReader, Relay
from app.lab.tally import Tally
from backends import ConfigurationError

NEEDS_A_SERVER = (
    "The embedded Redis is inside the process, so it cannot do that. For a real one: "
    "apt-get install redis-server, or set REDIS_URL."
)


Change = Callable[[bytes], bytes]


LIE_TOGETHER = "Its records lie together in files, where the laboratory cannot tell them apart."


class Place(Protocol):
    """The store's own side. What a kind of place cannot do raises `Skipped`, with the reason."""

    @property
    def kind(self) -> str:
        """What it is, in words for a report."""

    @property
    def embedded(self) -> bool:
        """Whether it is inside the application, and ends with it."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What tells the application where its sessions rest."""

    def operations(self) -> Counter[str]:
        """What was asked of the store so far: commands, or what was done to files, by its name.

        Of files it is what Python itself does; code in C can use them unseen.
        What the laboratory itself does through this object is not counted.
        """

    def records(self) -> dict[str, bytes]:
        """A copy of all that rests there, as a thief would take it."""

    def plant(self, name: str, data: bytes) -> None:
        """Write these bytes in the place of a record."""

    def damage(self, name: str, change: Change) -> None:
        """Put what `change` makes of its bytes in the place of a record, of whatever kind it is.

        The bytes are a file's, a string's, or each value's of a hash; a list or a set of any kind
        becomes a string.
        """

    def age(self, seconds: float) -> None:
        """Let the store's own clock move, where it is not the process's."""

    def down(self) -> AbstractContextManager[None]:
        """The store is not there, until the block ends."""

    def hung(self) -> AbstractContextManager[None]:
        """The store takes requests and answers none, until the block ends."""

    def full(self) -> AbstractContextManager[None]:
        """Nothing can be written, until the block ends."""

    def renewed(self) -> "Place":
        """The place that another process of this application, started alike, would have."""

    def separate(self) -> Mapping[str, Any]:
        """The settings of an application whose sessions rest elsewhere than those of this one."""

    def close(self) -> None:
        """Remove what was put there."""


class Folder:
    """A folder of files."""

    kind = "files"
    embedded = False

    def __init__(self, path: Path) -> None:
        """Belongs to the thread that makes it: what other threads do with files is counted."""
        self.path = path
        self._laboratory = get_ident()
        self._tally = Tally()
        _watchers.append(self._note)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"SESSION_FILE_DIR": self.path}

    def operations(self) -> Counter[str]:
        return self._tally.so_far()

    def records(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.path)): path.read_bytes()
            for path in sorted(self.path.rglob("*"))
            if path.is_file()
        }

    def plant(self, name: str, data: bytes) -> None:
        (self.path / name).write_bytes(data)

    def damage(self, name: str, change: Change) -> None:
        path = self.path / name
        path.write_bytes(change(path.read_bytes()))

    def age(self, seconds: float) -> None:
        """Files have no clock: what is old is said by whoever reads them."""

    @contextmanager
    def down(self) -> Iterator[None]:
        away = self.path.with_name(f"{self.path.name}.away")
        self.path.rename(away)
        try:
            yield
        finally:
            if self.path.exists():  # made anew meanwhile, by whoever wrote into nothing
                shutil.rmtree(self.path)
            away.rename(self.path)

    @contextmanager
    def hung(self) -> Iterator[None]:
        raise Skipped("A local disk is not made to hang here.")
        yield

    @contextmanager
    def full(self) -> Iterator[None]:
        """The kernel refuses every byte that a file would grow by, as a full disk does.

        It does so in the whole process, the laboratory's own files included.
        """
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def renewed(self) -> "Folder":
        return self

    def separate(self) -> Mapping[str, Any]:
        return {"SESSION_FILE_DIR": self.path.with_name(f"{self.path.name}.separate")}

    def close(self) -> None:
        _watchers.remove(self._note)

    def _note(self, event: str, path: str) -> None:
        if get_ident() != self._laboratory and Path(path).is_relative_to(self.path):
            self._tally.note(event)


class SharedFiles(Folder):
    """Files that hold many records each: they can be copied and taken away, not told apart."""

    def plant(self, name: str, data: bytes) -> None:
        raise Skipped(LIE_TOGETHER)

    def damage(self, name: str, change: Change) -> None:
        raise Skipped(LIE_TOGETHER)


class EmbeddedRedis:
    """The Redis inside the application's process."""

    kind = "embedded in the process (fakeredis)"
    embedded = True

    def __init__(self) -> None:
        self._server = CountingServer()
        self._client = FakeRedis(server=self._server, connection_class=CountingConnection)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"SESSION_REDIS": self._client}

    def operations(self) -> Counter[str]:
        return self._server.commands.so_far()

    def records(self) -> dict[str, bytes]:
        return _dumped(FakeRedis(server=self._server), "")

    def plant(self, name: str, data: bytes) -> None:
        _plant(FakeRedis(server=self._server), name, data)

    def damage(self, name: str, change: Change) -> None:
        _damage(FakeRedis(server=self._server), name, change)

    def age(self, seconds: float) -> None:
        """Its clock is the process's."""

    @contextmanager
    def down(self) -> Iterator[None]:
        self._server.connected = False
        try:
            yield
        finally:
            self._server.connected = True

    @contextmanager
    def hung(self) -> Iterator[None]:
        raise Skipped(NEEDS_A_SERVER)
        yield

    @contextmanager
    def full(self) -> Iterator[None]:
        raise Skipped(NEEDS_A_SERVER)
        yield

    def renewed(self) -> "EmbeddedRedis":
        return EmbeddedRedis()

    def separate(self) -> Mapping[str, Any]:
        return EmbeddedRedis().settings

    def close(self) -> None:
        """It goes with its last reference."""


class CountingServer(FakeServer):
    """An embedded Redis that knows what it was asked over `CountingConnection`s."""

    def __init__(self) -> None:
        super().__init__()
        self.commands = Tally()


class CountingConnection(FakeRedisConnection):
    """A connection to a `CountingServer`, which it tells of every command."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        assert isinstance(self._server, CountingServer)
        self._reader = CommandReader(self._server.commands)

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        super().send_packed_command(command, check_health)
        self._reader.read(b"".join(command))


class RealRedis:
    """A Redis server, behind a relay, with all keys under a prefix of the subject's own."""

    embedded = False

    def __init__(self, url: str, prefix: str) -> None:
        self.url = url
        self.prefix = prefix
        self._relay = Relay(target(url))
        self._direct = Redis.from_url(url)

    @property
    def kind(self) -> str:
        return f"Redis {self._direct.info('server')['redis_version']}"

    @property
    def settings(self) -> Mapping[str, Any]:
        parts = urlsplit(self.url)
        credentials, at, _ = parts.netloc.rpartition("@")
        database = "" if parts.scheme == "unix" else parts.path
        query = f"?{parts.query}" if parts.query else ""
        address = f"redis://{credentials}{at}127.0.0.1:{self._relay.port}{database}{query}"
        return {"REDIS_URL": address, "SESSION_KEY_PREFIX": self.prefix}

    def operations(self) -> Counter[str]:
        return self._relay.commands()

    def records(self) -> dict[str, bytes]:
        return _dumped(self._direct, self.prefix)

    def plant(self, name: str, data: bytes) -> None:
        _plant(self._direct, name, data)

    def damage(self, name: str, change: Change) -> None:
        _damage(self._direct, name, change)

    def age(self, seconds: float) -> None:
        for key in self._direct.scan_iter(f"{self.prefix}*"):
            left = self._direct.pttl(key)
            if left >= 0:
                self._direct.pexpire(key, left - round(seconds * 1000))

    @contextmanager
    def down(self) -> Iterator[None]:
        self._relay.refuse()
        try:
            yield
        finally:
            self._relay.listen()

    @contextmanager
    def hung(self) -> Iterator[None]:
        self._relay.hang()
        try:
            yield
        finally:
            self._relay.flow()

    @contextmanager
    def full(self) -> Iterator[None]:
        raise Skipped("The laboratory does not fill a Redis that others may use.")
        yield

    def renewed(self) -> "RealRedis":
        return self

    def separate(self) -> Mapping[str, Any]:
        return EmbeddedRedis().settings

    def close(self) -> None:
        for key in self._direct.scan_iter(f"{self.prefix}*"):
            self._direct.delete(key)
        self._direct.close()
        self._relay.close()


def target(url: str) -> tuple[str, int] | str:
    """Where the server listens: host and port, or a path.

    Raises `ConfigurationError` for an address that the laboratory cannot stand before.
    """
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    if parts.scheme != "redis":
        raise ConfigurationError(
            "REDIS_URL: the laboratory puts a relay before the server, so it takes redis:// and "
            "unix:// only. Unset it, and it starts a redis-server of its own."
        )
    return parts.hostname or "127.0.0.1", parts.port or 6379


class Elsewhere:
    """A service that the laboratory does not know, and so neither looks into nor breaks.

    The application finds it by its own environment.
    """

    embedded = False
    settings: Mapping[str, Any] = {}

    def __init__(self, service: str) -> None:
        self.kind = service

    def operations(self) -> Counter[str]:
        raise self._unknown()

    def records(self) -> dict[str, bytes]:
        raise self._unknown()

    def plant(self, name: str, data: bytes) -> None:
        raise self._unknown()

    def damage(self, name: str, change: Change) -> None:
        raise self._unknown()

    def age(self, seconds: float) -> None:
        """Its clock stays: a store goes by the clock that it was given."""

    def down(self) -> AbstractContextManager[None]:
        raise self._unknown()

    def hung(self) -> AbstractContextManager[None]:
        raise self._unknown()

    def full(self) -> AbstractContextManager[None]:
        raise self._unknown()

    def renewed(self) -> "Elsewhere":
        return self

    def separate(self) -> Mapping[str, Any]:
        raise Skipped(f"The laboratory has no second {self.kind}, for another application.")

    def close(self) -> None:
        """What was stored there stays."""

    def _unknown(self) -> Skipped:
        return Skipped(f"The laboratory has no way to look into {self.kind}, or to stop it.")


def _dumped(client: Any, prefix: str) -> dict[str, bytes]:
    names = sorted(client.scan_iter(f"{prefix}*"))
    return {name.decode("utf-8", "replace"): _bytes_of(client, name) for name in names}


def _bytes_of(client: Any, name: bytes) -> bytes:
    read = {
        b"hash": lambda: [part for pair in client.hgetall(name).items() for part in pair],
        b"zset": lambda: client.zrange(name, 0, -1),
        b"set": lambda: client.smembers(name),
        b"list": lambda: client.lrange(name, 0, -1),
        b"string": lambda: [client.get(name) or b""],
        b"none": list,  # it ended a moment ago
    }
    return b"\n".join(read[client.type(name)]())


def _plant(client: Any, name: str, data: bytes) -> None:
    client.set(name, data, keepttl=True)


def _damage(client: Any, name: str, change: Change) -> None:
    if client.type(name) == b"hash":
        damaged = {field: change(value) for field, value in client.hgetall(name).items()}
        client.hset(name, mapping=damaged)
    else:
        _plant(client, name, change(_bytes_of(client, name.encode())))


WATCHED = frozenset(
    {
        "open",
        "os.link",
        "os.listdir",
        "os.mkdir",
        "os.remove",
        "os.rename",
        "os.scandir",
        "os.truncate",
        "os.utime",
        "sqlite3.connect",
    }
)
"""What the interpreter tells its audit hooks of files, as far as it costs a turn of the disk.

What code in C does with an open file, such as each statement of SQLite, it does not tell.
"""

_watchers: list[Callable[[str, str], None]] = []
"""Who is told of files; a hook of the interpreter cannot be taken out again."""


def _tell(event: str, args: tuple[Any, ...]) -> None:
    if _watchers and event in WATCHED and isinstance(args[0], str | bytes | os.PathLike):
        path = os.fsdecode(args[0])
        for watcher in list(_watchers):
            watcher(event, path)


sys.addaudithook(_tell)
