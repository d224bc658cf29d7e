"""Where sessions are while they are measured: a folder, and a Redis on a Unix socket."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self

from app.lab.stores.redis_server import RedisServer, redis_version


class Place(NamedTuple):
    """Where the sessions of one application are."""

    folder: Path
    redis_url: str | None = None


class Ground:
    """A scratch folder and a Redis, if redis-server is on this machine, for one run."""

    def __init__(self, below: Path) -> None:
        self._below = below
        self.server: RedisServer | None = None

    def __enter__(self) -> Self:
        self._scratch = tempfile.TemporaryDirectory(prefix="session-lab-", dir=self._below)
        self.folder = Path(self._scratch.name)
        self.server = RedisServer() if redis_version() else None
        return self

    def __exit__(self, *_: object) -> None:
        if self.server:
            self.server.close()
        self._scratch.cleanup()

    @contextmanager
    def empty_place(self) -> Iterator[Place]:
        """A place without any session."""
        with self.empty_places(1) as (place,):
            yield place

    @contextmanager
    def empty_places(self, count: int) -> Iterator[list[Place]]:
        """Places without any session: a folder each, and one Redis."""
        folders = [self.folder / f"sessions{number}" for number in range(count)]
        for folder in folders:
            folder.mkdir()
        if self.server:
            self.server.client.flushdb()
        url = f"unix://{self.server.socket}" if self.server else None
        try:
            yield [Place(folder, url) for folder in folders]
        finally:
            for folder in folders:
                shutil.rmtree(folder)
