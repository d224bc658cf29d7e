"""Defects in the store and in the requests to it."""

import pickle
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from flask import Flask, Request, Response, session
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from backends.filesystem import FileSystemStore
from backends.loaded_session import LoadedSession
from backends.record import unpack
from backends.redis import RedisStore
from backends.redis_access.client import client_of
from backends.server_side import StoreInterface
from backends.session import Session
from backends.settings import absolute_seconds
from backends.store import Clock, Fields, Record, StoreUnavailable, key_of
from tests.lab.known_wrongs.wrong import Wrong, in_application, in_backend, on_files


class LooksFirst(StoreInterface):
    """Asks the store before it checks the signature; Flask-Session 0.8 has none."""

    def _load(self, app: Flask, token: str) -> LoadedSession | None:
        self.store.load(key_of(token))
        return super()._load(app, token)


class LoadsAtOnce(StoreInterface):
    """Loads the session at the start of each request, as Flask-Session 0.8 does."""

    def open_session(self, app: Flask, request: Request) -> Session | None:
        opened = super().open_session(app, request)
        try:
            len(opened or ())
        except StoreUnavailable:
            return super().open_session(app, request)  # who uses it is told
        return opened


class NotesTheToken(StoreInterface):
    """Stores the token in the session, to find it in the store."""

    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        noted = {**fields, "token": self.serializer.encode(self._token(app, session._id))}
        return super()._create(app, session, noted, created)


class LetsDamageThrough(FileSystemStore):
    """Has no answer to a damaged file."""

    def _read(self, path: str, loaded: Record | None = None) -> Record | None:
        if not Path(path).exists():
            return super()._read(path, loaded)
        return unpack(Path(path).read_bytes(), self.clock())


class GoesOnWithoutWriting(FileSystemStore):
    """Ignores a failed write, as cachelib's files do."""

    def update_loaded(self, *arguments: Any) -> None:
        with suppress(StoreUnavailable):
            super().update_loaded(*arguments)


class NeverSweeps(FileSystemStore):
    """Keeps the files of expired records, as cachelib does."""

    def _remove_if_ended(self, path: str) -> bool:
        return False


class KeepsFiveHundred(FileSystemStore):
    """Removes the oldest of more than 500 sessions, as cachelib's threshold does."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        super().__init__(folder, clock)
        self.kept = deque[str]()

    def create(self, key: str, fields: Fields, ttl: float, owner: str | None = None) -> None:
        super().create(key, fields, ttl, owner)
        self.kept.append(key)
        if len(self.kept) > 500:
            self.delete(self.kept.popleft())


class ReadsOldPickles(FileSystemStore):
    """Reads pickles of an older version, as Flask-Session 0.8 does."""

    def load(self, key: str) -> Record | None:
        with suppress(Exception):
            pickle.loads(self._path(key).read_bytes())  # noqa: S301 - the defect
        return super().load(key)


class TakesAnOutageForEmptiness(FileSystemStore):
    """Takes an unavailable store for an empty one, as cachelib's files do."""

    def load(self, key: str) -> Record | None:
        with suppress(StoreUnavailable):
            return super().load(key)
        return None


def count_wrong_passwords(app: Flask) -> None:
    """Count wrong passwords in the session."""

    def count(response: Response) -> Response:
        if response.status_code == 401:
            session["wrong_passwords"] = session.get("wrong_passwords", 0) + 1
        return response

    app.after_request(count)


def install_without_timeout(app: Flask, clock: Clock) -> StoreInterface:
    """Wait for Redis without a timeout, as redis-py does by default."""

    def connect(url: str) -> Any:
        return Redis.from_url(url, socket_timeout=None, retry=Retry(NoBackoff(), 0))

    prefix = app.config.get("SESSION_KEY_PREFIX", "")
    store = RedisStore(client_of(app, connect), prefix, clock, absolute_seconds(app))
    return StoreInterface(app, store, clock)


WRONGS: dict[str, Wrong] = {
    "anonymous_leaves_nothing": in_application(count_wrong_passwords),
    "corrupt_record": on_files(store=LetsDamageThrough),
    "disk_full": on_files(store=GoesOnWithoutWriting),
    "expired_are_swept": on_files(store=NeverSweeps),
    "forged_ids_never_reach_store": on_files(LooksFirst),
    "many_users": on_files(store=KeepsFiveHundred),
    "planted_pickle": on_files(store=ReadsOldPickles),
    "stolen_store_dump": on_files(NotesTheToken),
    "store_down": on_files(store=TakesAnOutageForEmptiness),
    "store_frozen": in_backend("redis", install_without_timeout),
    "untouched_costs_nothing": on_files(LoadsAtOnce),
}
