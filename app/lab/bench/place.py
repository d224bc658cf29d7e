"""Where sessions are while they are measured: a folder, and a Redis on a Unix socket."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from app.lab.stores.redis_server import RedisServer

if TYPE_CHECKING:  # a process loads Redis when it starts one
    from redis import Redis


class Place(NamedTuple):
    """Where the sessions of one application are."""

    folder: Path
    redis_url: str | None = None
    server: RedisServer | None = None

    @property
    def redis(self) -> "Redis":
        """The client that looks into Redis. Only for a candidate that needs Redis."""
        assert self.server is not None  # the candidate was left out
        return self.server.client


@contextmanager
def empty_places(below: Path, server: RedisServer | None, count: int) -> Iterator[list[Place]]:
    """Places without any session: a folder each, and one Redis."""
    if server:
        server.client.flushdb()
    url = f"unix://{server.socket}" if server else None
    with ExitStack() as stack:
        folders = [
            stack.enter_context(TemporaryDirectory(prefix="session-lab-", dir=below))
            for _ in range(count)
        ]
        yield [Place(Path(folder), url, server) for folder in folders]
