"""A redis-server that the laboratory starts, and that it can stop and freeze."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis import Redis

PROGRAM = "redis-server"
EMBEDDED = "embedded in the process (fakeredis)"
"""Where Redis is without it."""

PORTS = range(20_000, 32_000)
"""Below the kernel's ephemeral ports: no outgoing connection takes the port of a stopped server."""

SOCKET_NAME = "socket"
MAX_SOCKET_PATH_BYTES = 103
"""`sun_path` has 104 bytes on macOS and 108 on Linux, with the NUL at its end."""

SUPERVISOR = """
trap '' INT TERM HUP
redis-server "$@" &
read -r _
kill -KILL $!
wait $!
"""
"""Ends the server when standard input closes, so also when its owner is killed."""


def redis_version() -> str | None:
    """The version of the redis-server on this machine; `None` without one."""
    program = shutil.which(PROGRAM)
    if program is None:
        return None
    output = subprocess.check_output([program, "--version"], text=True)  # noqa: S603 - a fixed command
    found = re.search(r"v=(\S+)", output)
    return found[1] if found else "of an unknown version"


class RedisServer:
    """A server on a free port of loopback, with data until it is closed."""

    def __init__(self) -> None:
        self._folder = _make_folder()
        self.socket = Path(self._folder.name) / SOCKET_NAME
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = _make_client(self.socket)
        """The laboratory's client uses a Unix socket; the application uses TCP."""
        self._start()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """End the server until the block ends; it keeps its data."""
        self.client.save()
        self._end()
        try:
            yield
        finally:
            self._start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let the server accept connections and answer nothing until the block ends."""
        os.kill(self._pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._pid, signal.SIGCONT)

    def close(self) -> None:
        """End the server and remove its data."""
        self._end()
        self._folder.cleanup()

    def _start(self) -> None:
        """Start the server, with the data that it saved, and wait until it answers."""
        options = {
            "bind": "127.0.0.1",
            "port": self.port,
            "unixsocket": self.socket,
            "dir": self._folder.name,
            "save": "",
            "logfile": "redis.log",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        self._process = subprocess.Popen(  # noqa: S603 - a fixed command
            ["/bin/sh", "-c", SUPERVISOR, PROGRAM, *arguments],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # the shell reports that it killed the server
        )
        self._pid = int(self.client.info("server")["process_id"])

    def _end(self) -> None:
        self.client.close()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def _make_folder() -> "tempfile.TemporaryDirectory[str]":
    """A temporary folder for a socket: in /tmp if the path of TMPDIR is too long."""
    folder = tempfile.TemporaryDirectory(prefix="redis-")
    if len(os.fsencode(folder.name)) + len(f"/{SOCKET_NAME}") <= MAX_SOCKET_PATH_BYTES:
        return folder
    folder.cleanup()
    return tempfile.TemporaryDirectory(prefix="redis-", dir="/tmp")


def _make_client(path: Path) -> "Redis":
    """Waits ten seconds for a server that was just started and does not listen yet."""
    from redis import Redis  # here: who asks for the version alone loads no client
    from redis.backoff import ConstantBackoff
    from redis.retry import Retry

    return Redis(unix_socket_path=str(path), retry=Retry(ConstantBackoff(0.01), 1000))


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    for port in SystemRandom().sample(PORTS, 100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise OSError("no port of loopback is free for a server")
