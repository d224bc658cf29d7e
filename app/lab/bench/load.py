"""Requests per second of a server: gunicorn on loopback, under a load with a bound."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from itertools import chain
from pathlib import Path
from threading import Barrier

from flask import Flask

from app.lab.bench.candidate import Shape, make_app, read_answer
from app.lab.bench.place import Place
from app.lab.stores.redis_server import free_port

CONNECTIONS, THREADS = 8, 4
"""Of the load, each with one request at a time; of the server, in one process."""

TIMEOUT_SECONDS = 30.0
VARIABLE = "SESSION_LAB_BENCH"


def make_served_app() -> Flask:
    """The application for gunicorn, as the environment of its process says."""
    name, folder, redis_url, size, fields = json.loads(os.environ[VARIABLE])
    return make_app(name, Place(Path(folder), redis_url), Shape(size, fields))


@contextmanager
def serve(name: str, place: Place, shape: Shape) -> Iterator[int]:
    """gunicorn with the candidate; the port on which it answers."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--workers", "1"),
        *("--threads", str(THREADS), "--keep-alive", "60", "--log-level", "critical"),
        *("--bind", f"127.0.0.1:{port}", "--no-control-socket", f"{__name__}:make_served_app()"),
    ]
    given = json.dumps([name, str(place.folder), place.redis_url, shape.size, shape.fields])
    # In a folder without gunicorn.conf.py, which is for the application itself.
    process = subprocess.Popen(  # noqa: S603 - a fixed command
        command,
        env={**os.environ, VARIABLE: given, "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=place.folder.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(port, process)
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        try:
            with closing(HTTPConnection("127.0.0.1", port)) as connection:
                _request(connection, "untouched", None)
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def load(port: int, operation: str, seconds: float) -> list[float]:
    """Ask for so many seconds over all connections at once; the seconds of each answer."""
    barrier = Barrier(CONNECTIONS)

    def ask_again_and_again(_number: int) -> list[float]:
        times = []
        with closing(HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)) as connection:
            cookie = _log_in(connection)
            barrier.wait()
            end = time.perf_counter() + seconds
            while (begun := time.perf_counter()) < end:
                _request(connection, operation, None if operation == "login" else cookie)
                times.append(time.perf_counter() - begun)
        return times

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return [*chain.from_iterable(pool.map(ask_again_and_again, range(CONNECTIONS)))]


def _log_in(connection: HTTPConnection) -> str | None:
    response = _request(connection, "login", None)
    return read_answer(response.status, response.getheaders(), "").cookie


def _request(connection: HTTPConnection, operation: str, cookie: str | None) -> HTTPResponse:
    connection.request("GET", f"/{operation}", headers={"Cookie": cookie} if cookie else {})
    response = connection.getresponse()
    response.read()
    return response
