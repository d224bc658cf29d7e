"""The tiny application, served by gunicorn as processes of their own."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from backends import BACKENDS
from backends.redis_access.circuit_breaker import RETRY_AFTER_SECONDS
from tests.support.services import DURABLE, PATIENCE, RedisServer, Server, free_port, untraced

ROOT = Path(__file__).parents[3]


class Answer(NamedTuple):
    """What came back, and after how many seconds."""

    status: int
    headers: Mapping[str, str]
    text: str
    seconds: float

    @property
    def cookie(self) -> str | None:
        """The session cookie that it sets, as a request sends it."""
        pair = self.headers.get("Set-Cookie", "").partition(";")[0]
        return pair if pair.partition("=")[2] else None


class Site(Server):
    """The application under gunicorn on a free port of 127.0.0.1, its log in `folder`."""

    def __init__(self, folder: Path, *, workers: int = 2, threads: int = 8, **config: Any) -> None:
        self.port = free_port()
        # Not the project's folder: gunicorn.conf.py there is for the application itself.
        self.folder = folder
        self.command = (
            *(sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{self.port}", "--preload"),
            *("--workers", str(workers), "--threads", str(threads), "--log-level", "error"),
            *("--no-control-socket", "--pythonpath", str(ROOT)),
            "tests.system.chaos.application:make_app()",
        )
        self.environment = {**untraced(os.environ), "SITE_CONFIG": json.dumps(config)}

    def _wait(self, process: "subprocess.Popen[str]") -> None:
        last = time.monotonic() + PATIENCE
        while time.monotonic() < last and process.poll() is None:
            try:
                assert self.get("/public").status == 200
            except ConnectionRefusedError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError(f"the site did not start: {self.errors}")

    def send(self, method: str, path: str, cookie: str | None = None) -> Answer:
        """One request on a connection of its own. Raises `OSError` or `HTTPException`."""
        begun = time.monotonic()
        with closing(self._request(method, path, cookie)) as connection:
            return _answer(connection, begun)

    def get(self, path: str, cookie: str | None = None) -> Answer:
        return self.send("GET", path, cookie)

    def post(self, path: str, cookie: str | None = None) -> Answer:
        return self.send("POST", path, cookie)

    @contextmanager
    def flooded(self, size: int, path: str, cookie: str) -> Iterator[list[Answer]]:
        """Keep `size` requests under way in this block; the list has their answers after it."""
        answers: list[Answer] = []
        begun = time.monotonic()
        with ExitStack() as stack:
            flood = [
                stack.enter_context(closing(self._request("GET", path, cookie)))
                for _ in range(size)
            ]
            yield answers
            answers += [_answer(connection, begun) for connection in flood]

    def log_in(self) -> str:
        """The cookie of a new login."""
        cookie = self.post("/login").cookie
        assert cookie is not None
        return cookie

    def kill_workers(self) -> None:
        """End every worker at once, whatever it does; new ones follow."""
        for worker in self._worker_ids():
            with suppress(ProcessLookupError):  # one of those before, which ended just now
                os.kill(worker, signal.SIGKILL)

    def logged_errors(self) -> list[tuple[int, float, str]]:
        """What was logged as an error: the process, when in seconds, and the message."""
        lines = [line.split(" ", 3) for line in self.errors.splitlines()]
        return [
            (int(line[0]), float(line[1]), line[3])
            for line in lines
            if len(line) == 4 and line[2] == "ERROR"
        ]

    def _request(self, method: str, path: str, cookie: str | None) -> http.client.HTTPConnection:
        """A new connection with this request on it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, headers={"Cookie": cookie} if cookie else {})
        except BaseException:
            connection.close()
            raise
        return connection

    def _worker_ids(self) -> list[int]:
        assert self.process is not None
        master = self.process.pid
        return [
            int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()
        ]


def _answer(connection: http.client.HTTPConnection, begun: float) -> Answer:
    response = connection.getresponse()
    text = response.read().decode()
    return Answer(response.status, dict(response.headers), text, time.monotonic() - begun)


class Ground(NamedTuple):
    """A site, and what its sessions can rest in."""

    site: Site
    server: RedisServer
    sessions: Path

    def kill_redis(self) -> None:
        """End Redis at once and start it again; return when every worker asks it again."""
        self.server.kill()
        self.server.start()
        all_ask_again = time.monotonic() + RETRY_AFTER_SECONDS
        while time.monotonic() < all_ask_again:
            self.site.get("/public")


@contextmanager
def ground(backend: str, folder: Path, **config: Any) -> Iterator[Ground]:
    """A site on that backend, beside a Redis of its own that keeps all that it acknowledged."""
    sessions = folder / "sessions"
    with ExitStack() as stack:
        server = RedisServer(folder, *DURABLE)
        if BACKENDS[backend].on_redis:
            stack.enter_context(server)
        where: dict[str, Any] = {"REDIS_URL": server.url, "SESSION_FILE_DIR": str(sessions)}
        site = Site(folder, SESSION_BACKEND=backend, **where, **config)
        yield Ground(stack.enter_context(site), server, sessions)
