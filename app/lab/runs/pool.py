"""A pool of processes that share nothing: one that dies harms no other.

Each has a pipe and a log of its own. `concurrent.futures` gives up every task when a worker dies;
pebble does so when one dies between two tasks, and waits for one that exited with status 0 until
the task's timeout.
"""

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import Any, NamedTuple, NoReturn, TypeVar

from app.config import VARIABLES

Task = TypeVar("Task")

CLEANUP_TIMEOUT_SECONDS = 2.0
"""For a process that was told to end; then it is killed."""


class Crashed(NamedTuple):
    """The outcome of a task whose process ended, or was killed, without a result."""

    reason: str


def run_in_processes(
    do: Callable[[Task], Any], tasks: Sequence[Task], processes: int, timeout: float
) -> Iterator[tuple[Task, Any]]:
    """Yield each task with the result of `do`, or with `Crashed`, in the order of their ends.

    `do` is a function of a module, and its results can be pickled. After `timeout` seconds the
    process of a task is killed. No process outlives the iterator, nor do its temporary files.
    """
    waiting = deque(tasks)
    # What a process started may still write while the folder is being removed.
    with tempfile.TemporaryDirectory(prefix="session-lab-", ignore_cleanup_errors=True) as folder:
        logs = [Path(folder, f"{number}.log") for number in range(min(processes, len(tasks)))]
        workers = [_Worker(do, log) for log in logs]
        try:
            for worker in workers:
                worker.assign(waiting.popleft())
            while busy := [worker for worker in workers if worker.is_busy]:
                for worker in _find_ready(busy, timeout):
                    yield worker.task, worker.collect(timeout)
                    if waiting:
                        worker.assign(waiting.popleft())
        finally:
            _end_all(workers)


class _Worker:
    """One process, and another in its place after it died."""

    def __init__(self, do: Callable[[Any], Any], log: Path) -> None:
        self._do = do
        self._log = log
        self.task: Any = None
        self.is_busy = False
        self._start()

    def _start(self) -> None:
        # Spawned: a fork of a process with threads can inherit a lock that nobody releases.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            target=_run_tasks, args=(theirs, self._do, self._log), daemon=True
        )
        with _interrupts_blocked():
            self.process.start()
        theirs.close()

    def assign(self, task: Any) -> None:
        """Start a task."""
        if not self.process.is_alive():
            self.connection.close()
            self._start()
        self.task, self.is_busy, self.since = task, True, time.monotonic()
        with suppress(OSError):  # it died this moment: `collect` says so
            self.connection.send(task)

    def collect(self, timeout: float) -> Any:
        """The result of the task, or why there is none; it is not waited for."""
        self.is_busy = False
        if not self.connection.poll():
            self.process.kill()
            self.process.join()
            return Crashed(f"It did not end within {timeout:.0f} s.")
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            return Crashed(
                f"Its process ended with status {self.process.exitcode}{self._last_log_line()}"
            )

    def _last_log_line(self) -> str:
        lines = self._log.read_text(errors="replace").split("\n")
        written = [line.strip() for line in lines if line.strip()]
        return f": {written[-1]}" if written else "."


def _find_ready(busy: list[_Worker], timeout: float) -> list[_Worker]:
    """Wait for the workers that have a result, have died, or have exceeded the timeout."""
    now = time.monotonic()
    remaining = min(worker.since for worker in busy) + timeout - now
    answering = wait([worker.connection for worker in busy], max(0.0, remaining))
    started_before = time.monotonic() - timeout
    return [
        worker
        for worker in busy
        if worker.connection in answering or worker.since <= started_before
    ]


def _end_all(workers: list[_Worker]) -> None:
    """Terminate all workers at once; kill those that are not gone after the timeout."""
    for worker in workers:
        worker.process.terminate()
    deadline = time.monotonic() + CLEANUP_TIMEOUT_SECONDS
    for worker in workers:
        worker.process.join(max(0.0, deadline - time.monotonic()))
        worker.process.kill()
        worker.process.join()
        worker.connection.close()


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """A process that is started in this block ignores Ctrl-C: its parent ends it."""
    resource_tracker.ensure_running()  # by the first start, which would let the signal through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run_tasks(connection: "Connection[Any, Any]", do: Callable[[Any], Any], log: Path) -> None:
    """The main function of a process: run tasks until its parent is gone."""
    signal.signal(signal.SIGTERM, _exit_once)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # its parent hears that too, and ends it
    Thread(target=_end_with_parent, daemon=True).start()
    for variable in VARIABLES:  # a task does not depend on how its parent was configured
        os.environ.pop(variable.name, None)
    # The variable is for the processes that a task starts.
    tempfile.tempdir = os.environ["TMPDIR"] = str(log.parent)
    with log.open("wb") as file:  # the output of subjects does not belong on the terminal
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        connection.send(do(task))


def _exit_once(number: int, _frame: FrameType | None) -> NoReturn:
    """Exit through every `finally`; a second signal does not interrupt that."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit()


def _end_with_parent() -> None:
    """Exit when the parent is gone, also if it was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(CLEANUP_TIMEOUT_SECONDS)
    os._exit(1)
