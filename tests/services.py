"""Real services for the tests: started here on a free port, ended here by their process id."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from app.config import VARIABLES

CHROMIUM = "/usr/bin/chromium"

PATIENCE = 60
"""Seconds for a process to start or to end on a busy machine; none of them is ever waited out."""


def require(program: str, package: str) -> str:
    """The program's path; without it the test is skipped."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed: apt-get install {package}")
    return path


def free_port() -> int:
    """A port on loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Address(Protocol):
    """Something that listens."""

    @property
    def url(self) -> str: ...


def wait_for(url: str) -> None:
    """Wait until a server that is being started answers there."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            urlopen(url, timeout=PATIENCE).close()
            return
        except URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


class RedisServer:
    """A redis-server of our own on 127.0.0.1, with its data in `folder`."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.program = require("redis-server", "redis-server")
        self.folder = folder
        self.options = options
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> "redis.Redis":
        """A client that waits for the server to be up."""
        patient = Retry(ConstantBackoff(0.02), 500)
        return redis.Redis(port=self.port, retry=patient, retry_on_error=[redis.BusyLoadingError])

    def start(self) -> "RedisServer":
        self.process = subprocess.Popen(
            [
                self.program,
                *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)),
                *("--save", "", "--logfile", "redis.log"),
                *self.options,
            ]
        )
        self.client().ping()
        return self

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """The server hangs: it takes connections and answers nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(how)
        self.process.wait(timeout=20)
        self.process = None


class LabServer:
    """`session-lab run` as a process of its own, in `folder`, on a free port of 127.0.0.1.

    It sees the variables of `environment`, and none of this application's that happen to be set.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        command: tuple[str, ...] = (sys.executable, "-m", "app", "run"),
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder / f"errors-{self.port}.log"
        self.command = command
        given = {"HOST": "127.0.0.1", "PORT": str(self.port), **(environment or {})}
        self.environment = {**_foreign_environment(), **given}
        self.greeting = ""
        self.process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def errors(self) -> str:
        """What it wrote to its standard error so far."""
        return self.log.read_text()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Start it and wait until it answers. Fails the test with its own words if it ends."""
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
            self.stop()
            raise
        return self

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int | None:
        """End it; its exit status, or `None` where it was not running."""
        process, self.process = self.process, None
        if process is None:
            return None
        process.send_signal(how)
        try:
            process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return process.returncode

    def _wait(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self.greeting = process.stdout.readline().strip()
        if not self.greeting:
            pytest.fail(f"the server did not start: {self.errors}")
        urlopen(f"{self.url}/healthz", timeout=PATIENCE).close()


def _foreign_environment() -> dict[str, str]:
    """This process's environment without the application's variables."""
    ours = {variable.name for variable in VARIABLES}
    return {name: value for name, value in os.environ.items() if name not in ours}
