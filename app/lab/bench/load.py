"""Requests per second of a server: gunicorn on loopback, under a load with a bound."""

import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from itertools import chain
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

from flask import Flask

from app.lab.bench.candidate import BARE, Answer, Candidate, Shape, make_app, read_answer
from app.lab.bench.place import Place
from app.lab.bench.results import Load
from app.lab.measuring import call_in_parallel
from app.lab.stores.redis_server import free_port
from app.lab.subject.external import run_process, wait_for_port

HOST = "127.0.0.1"
CONNECTIONS, THREADS = 8, 4
"""Of the load, each with one request at a time; of the server, in one process."""

TURN_SECONDS, TURNS = 0.5, 4
"""Of each candidate."""

TIMEOUT_SECONDS = 30.0


def make_served_app(name: str, folder: str, url: str | None, size: int, fields: int) -> Flask:
    """The application for gunicorn."""
    return make_app(name, Place(Path(folder), url), Shape(size, fields))


@contextmanager
def serve(name: str, place: Place, shape: Shape) -> Iterator[int]:
    """gunicorn with the candidate; the port on which it listens."""
    port = free_port()
    arguments = (name, str(place.folder), place.redis_url, *shape)
    target = f"{__name__}:{make_served_app.__name__}{arguments!r}"
    command = [
        *(sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--workers", "1"),
        *("--threads", str(THREADS), "--keep-alive", "60", "--log-level", "critical"),
        *("--bind", f"{HOST}:{port}", "--no-control-socket", target),
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    # Not in the project's folder: gunicorn.conf.py there is for the application itself.
    with TemporaryDirectory(prefix="session-lab-") as name_of_folder:
        folder = Path(name_of_folder)
        with run_process(command, environment, folder / "log", folder) as process:
            wait_for_port(process, port, target, folder / "log")
            yield port


def measure_load(
    candidates: Sequence[Candidate], shape: Shape, places: Sequence[Place], operation: str
) -> Iterator[Load]:
    """Let a server of each candidate run, and load one after the other for a short time."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    names = [each.name for each in candidates]
    with ExitStack() as stack:
        ports = [
            stack.enter_context(serve(*each, shape)) for each in zip(names, places, strict=True)
        ]
        for _ in range(TURNS):
            for name, port in zip(names, ports, strict=True):
                times[name] += load(port, operation, TURN_SECONDS)
    for name, taken in times.items():
        cuts = quantiles(taken, n=100)
        p50, p99 = (round(cuts[cut - 1] * 1000, 2) for cut in (50, 99))
        per_second = round(len(taken) / (TURNS * TURN_SECONDS))
        to_bare = round(len(taken) / len(times[BARE]), 2)
        yield Load(name, operation, per_second, to_bare, p50, p99)


def load(port: int, operation: str, seconds: float) -> list[float]:
    """Ask for so many seconds over all connections at once; the seconds of each answer."""

    def ask_again_and_again() -> list[float]:
        times = []
        with closing(HTTPConnection(HOST, port, timeout=TIMEOUT_SECONDS)) as connection:
            cookie = _ask(connection, "login", None).cookie
            end = time.perf_counter() + seconds
            while (begun := time.perf_counter()) < end:
                _ask(connection, operation, None if operation == "login" else cookie)
                times.append(time.perf_counter() - begun)
        return times

    return [*chain(*call_in_parallel(*[ask_again_and_again] * CONNECTIONS))]


def _ask(connection: HTTPConnection, operation: str, cookie: str | None) -> Answer:
    connection.request("GET", f"/{operation}", headers={"Cookie": cookie} if cookie else {})
    response = connection.getresponse()
    return read_answer(response.status, response.getheaders(), response.read().decode())
