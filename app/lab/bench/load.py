"""Requests per second of a server: gunicorn on loopback, under a load with a bound."""

import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from itertools import chain
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

from app.lab.bench.candidate import BARE, make_app
from app.lab.bench.results import Load
from app.lab.bench.trial import Trial
from app.lab.measuring import call_in_parallel
from app.lab.stores.redis_server import free_port
from app.lab.subject.external import run_process, wait_for_port

HOST = "127.0.0.1"
CONNECTIONS, THREADS = 8, 4
"""Of the load, each with one request at a time; of the server, in one process."""

TURN_SECONDS, TURNS = 0.5, 4
"""Of each candidate."""

TIMEOUT_SECONDS = 30.0


@contextmanager
def serve(trial: Trial) -> Iterator[int]:
    """gunicorn with the candidate; the port on which it listens."""
    port = free_port()
    arguments = (trial.candidate.name, tuple(trial.shape), str(trial.folder), trial.redis_url)
    target = f"{make_app.__module__}:{make_app.__name__}{arguments}"
    options = f"--worker-class gthread --workers 1 --threads {THREADS} --keep-alive 60"
    address = f"--log-level critical --bind {HOST}:{port} --no-control-socket"
    command = [sys.executable, "-m", "gunicorn", *options.split(), *address.split(), target]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    # Not in the project's folder: gunicorn.conf.py there is for the application itself.
    with TemporaryDirectory(prefix="session-lab-") as folder:
        log = Path(folder) / "log"
        with run_process(command, environment, log, Path(folder)) as process:
            wait_for_port(process, port, target, log)
            yield port


def measure_load(operation: str, *trials: Trial) -> Iterator[Load]:
    """Let a server of each candidate run, and load one after the other for a short time."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    with ExitStack() as stack:
        ports = [(each.candidate.name, stack.enter_context(serve(each))) for each in trials]
        for name, port in ports * TURNS:
            times[name] += load(port, operation)
    for name, taken in times.items():
        cuts = quantiles(taken, n=100)
        per_second = round(len(taken) / (TURNS * TURN_SECONDS))
        to_bare = round(len(taken) / len(times[BARE]), 2)
        p50, p99 = (round(cuts[cut - 1] * 1000, 2) for cut in (50, 99))
        yield Load(name, operation, per_second, to_bare, p50, p99)


def load(port: int, operation: str) -> list[float]:
    """Ask for one turn over all connections at once; the seconds of each answer."""

    def ask_again_and_again() -> list[float]:
        times = []
        with closing(HTTPConnection(HOST, port, timeout=TIMEOUT_SECONDS)) as connection:
            cookie = _ask(connection, "login", "")
            end = time.perf_counter() + TURN_SECONDS
            while (begun := time.perf_counter()) < end:
                _ask(connection, operation, "" if operation == "login" else cookie)
                times.append(time.perf_counter() - begun)
        return times

    return [*chain(*call_in_parallel(*[ask_again_and_again] * CONNECTIONS))]


def _ask(connection: HTTPConnection, operation: str, cookie: str) -> str:
    """The cookie that is set, as the next request sends it."""
    connection.request("GET", f"/{operation}", headers={"Cookie": cookie} if cookie else {})
    response = connection.getresponse()
    response.read()
    return str(response.headers.get("Set-Cookie", "")).partition(";")[0]
