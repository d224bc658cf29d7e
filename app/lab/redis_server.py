"""The real Redis that the laboratory works with, where there is one."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from redis import Redis, RedisError
from redis.backoff import ConstantBackoff, NoBackoff
from redis.retry import Retry

from app.lab.places import EmbeddedRedis, target
from backends import ConfigurationError

PATIENCE = 5
"""Seconds for a server to say what it is."""


@contextmanager
def redis_for(url: str | None) -> Iterator[str | None]:
    """The address of a real Redis: the one given, or one started here and ended with the block.

    `None` without either: then the embedded one has to do.
    """
    program = shutil.which("redis-server")
    if url or program is None:
        yield url
        return
    with _started(program) as address:
        yield address


def forget(url: str, prefix: str) -> None:
    """Delete all keys that begin so, if that server is still there."""
    once = Retry(NoBackoff(), 0)
    options = {"socket_connect_timeout": PATIENCE, "socket_timeout": PATIENCE, "retry": once}
    with Redis.from_url(url, **options) as client, suppress(RedisError):
        for key in client.scan_iter(f"{prefix}*"):
            client.delete(key)


def in_words(url: str | None, *, started: bool) -> str:
    """What a report says of the Redis that was used: `Redis 7.0.15, started for this run`.

    Raises `ConfigurationError` for an address that the laboratory cannot use, or where no Redis
    answers.
    """
    if url is None:
        return EmbeddedRedis.kind
    version = _version(url)
    return (
        f"Redis {version}, started for this run" if started else f"Redis {version} at {_shown(url)}"
    )


def _version(url: str) -> str:
    try:
        if "://" not in url:
            raise ValueError("no address")
        target(url)
        client = Redis.from_url(url, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE)
    except ConfigurationError:
        raise
    except ValueError as error:
        raise ConfigurationError(
            "REDIS_URL cannot be read. Give redis://host:port/db or unix:///path, or unset it."
        ) from error
    with client:
        return _asked(client, url)


def _asked(client: Redis, url: str) -> str:
    try:
        return str(client.info("server")["redis_version"])
    except RedisError as error:
        raise ConfigurationError(
            f"REDIS_URL={_shown(url)} cannot be used: {str(error).rstrip('.')}. Start that Redis, "
            "or unset REDIS_URL."
        ) from error


def _shown(url: str) -> str:
    """The address without what only the application may know."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


@contextmanager
def _started(program: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="session-lab-redis-") as folder:
        path = Path(folder) / "redis.sock"
        options = {"port": 0, "unixsocket": path, "dir": folder, "save": "", "logfile": "redis.log"}
        command = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        process = subprocess.Popen([program, *command])  # noqa: S603 - all of it is ours
        try:
            patient = Retry(ConstantBackoff(0.02), 500)
            Redis(unix_socket_path=str(path), retry=patient).ping()
            yield f"unix://{path}"
        finally:
            process.terminate()
            process.wait()
