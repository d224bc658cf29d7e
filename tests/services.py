"""Real services for the tests: started here on a free port, ended here by their process id."""

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

CHROMIUM = "/usr/bin/chromium"


def require(program: str, package: str) -> str:
    """The program's path; without it the test is skipped, or fails under REQUIRE_SERVICES=1."""
    path = shutil.which(program)
    if path is None:
        reason = f"{program} is not installed: apt-get install {package}"
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def free_port() -> int:
    """A port on loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
