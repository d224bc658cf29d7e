"""Real services for the tests, each a process on a free port that is ended by its id."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import SystemRandom
from typing import NoReturn, Self
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from app.config import VARIABLES

CHROMIUM = "/usr/bin/chromium"

PATIENCE = 60
"""Seconds for a start, an end or an answer on a busy machine; none of them is ever waited out."""


def require(program: str, package: str) -> str:
    """The program's path; without it the test is skipped."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed: apt-get install {package}")
    return path


BY_DESIGN = "left to it: "


def left_to_it(why: str) -> NoReturn:
    """Skip what a store that a package brings may leave out: nothing is missing here."""
    pytest.skip(f"{BY_DESIGN}{why}")


def free_ports(count: int) -> list[int]:
    """Different ports on loopback that nothing listens on.

    They lie below those that the kernel gives to outgoing connections. One of these may be taken
    while its server is down, and a client that asks there again and again is one day connected to
    itself.
    """
    ports = SystemRandom().sample(range(20_000, 32_000), 4 * count)
    return [port for port in ports if _is_free(port)][:count]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def free_port() -> int:
    return free_ports(1)[0]


def until(ask: Callable[[], bool]) -> None:
    """Wait until `ask` returns true. A server that does not answer yet is asked again."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(redis.RedisError, URLError):
            if ask():
                return
        time.sleep(0.05)  # what is asked for needs the processor too
    raise TimeoutError(f"not so after {PATIENCE} s")


class Server:
    """A process that answers on a port of 127.0.0.1, and is ended by its id."""

    folder: Path
    """Where it runs and keeps what it writes."""
    port: int
    command: Sequence[str]
    environment: Mapping[str, str] | None = None
    """Its variables; `None`: those of this process."""
    process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def log(self) -> Path:
        """The file of its standard error."""
        return self.folder / f"errors-{self.port}.log"

    @property
    def errors(self) -> str:
        """What it wrote to its standard error so far."""
        return self.log.read_text()

    def start(self) -> Self:
        """Start it and wait until it answers; if it does not, end it again."""
        with self.log.open("a") as errors:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        try:
            self._wait(self.process)
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int | None:
        """End it; its exit status, or `None` if it was not running."""
        process, self.process = self.process, None
        if process is None:
            return None
        process.send_signal(signal.SIGCONT)  # while it is frozen it handles no other signal
        process.send_signal(how)
        try:
            process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return process.returncode

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it take connections and answer nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def _wait(self, process: "subprocess.Popen[str]") -> None:
        """Return when it answers. Raises if it ended, or does not answer in time."""
        raise NotImplementedError


DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
"""The options of a Redis that keeps all that it acknowledged."""


class RedisServer(Server):
    """A redis-server with its data in `folder`."""

    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        self.folder = folder
        self.options = options
        self.port = port or free_port()
        self.command = [
            *(require("redis-server", "redis-server"), "--port", str(self.port)),
            *("--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--logfile", "redis.log"),
            *options,
        ]
        patient = Retry(ConstantBackoff(0.02), 500)
        # One that had to wait is in a circle: the collector alone would close its connections.
        self._client = redis.Redis(
            port=self.port, retry=patient, retry_on_error=[redis.BusyLoadingError]
        )

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> "redis.Redis":
        """A client that waits for the server to be up. It is closed with the server."""
        return self._client

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int | None:
        self._client.close()
        return super().stop(how)

    def _wait(self, process: "subprocess.Popen[str]") -> None:
        self.client().ping()


@contextmanager
def set_to(
    server: RedisServer, name: str, value: int | str, back: int | str
) -> Iterator["redis.Redis"]:
    """A setting of the server for a while, and a client that may change more."""
    admin = server.client()
    admin.config_set(name, value)
    try:
        yield admin
    finally:
        admin.config_set(name, back)
        admin.close()


class LabServer(Server):
    """`session-lab run` in `folder`.

    It sees the variables of `environment`, and none of this application's that happen to be set.
    """

    environment: dict[str, str]
    greeting = ""
    """The first line of its output."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        command: tuple[str, ...] = (sys.executable, "-m", "app", "run"),
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.command = command
        own = {variable.name for variable in VARIABLES}
        others = {name: value for name, value in os.environ.items() if name not in own}
        address = {"HOST": "127.0.0.1", "PORT": str(self.port)}
        self.environment = {**others, **address, **(environment or {})}

    def __exit__(self, *_: object) -> None:
        """Ctrl-C ends it at once; SIGTERM takes seconds, in which coverage writes its file."""
        is_traced = self.environment != untraced(self.environment)
        self.stop(signal.SIGTERM if is_traced else signal.SIGINT)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _wait(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self.greeting = process.stdout.readline().strip()
        if not self.greeting:
            pytest.fail(f"the server did not start: {self.errors}")
        urlopen(f"{self.url}/healthz", timeout=PATIENCE).close()


def untraced(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process that coverage does not trace: it reaches nothing alone.

    Traced it starts and answers at half the speed.
    """
    return {name: value for name, value in environment.items() if not name.startswith("COVERAGE_")}


def wait_for_end(group: int) -> None:
    """Return when nobody of the process group is left."""
    until(lambda: not any(runs_in(group, each) for each in Path("/proc").glob("[0-9]*")))


def runs_in(group: int, process: Path) -> bool:
    """Whether it is of that group and has not ended; the machine may be slow to forget it then."""
    try:
        state, _, its_group = (process / "stat").read_text().rpartition(")")[2].split()[:3]
    except OSError:
        return False
    return int(its_group) == group and state != "Z"
