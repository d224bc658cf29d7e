"""The real Redis that the laboratory works with, where there is one."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry


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
