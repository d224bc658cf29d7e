"""A pool of processes that share nothing, so that a crash affects one task only.

Each has a pipe and a log of its own. `concurrent.futures` gives up all tasks when a worker dies;
pebble does so when one dies between two tasks, and notices a worker that exited with status 0 only
at the task's timeout.
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
from app.lab.measuring import read_last_line

Task = TypeVar("Task")

CLEANUP_TIMEOUT_SECONDS = 2.0
"""A process that was told to end is killed after this time."""


class Crashed(NamedTuple):
    """The outcome of a task whose process ended or was killed before it had a result."""

    reason: str


def run_in_processes(
    do: Callable[[Task], Any], tasks: Sequence[Task], processes: int, timeout: float
) -> Iterator[tuple[Task, Any]]:
    """Yield each task with the result of `do`, or with `Crashed`, as they finish.

    `do` must be a function of a module, and its results must be picklable. The process of a task
    is killed after `timeout` seconds. The processes and their temporary files end with the
    iterator.
    """
    waiting = deque(tasks)
    # A child of a process may still write while the folder is being removed.
    with tempfile.TemporaryDirectory(prefix="session-lab-", ignore_cleanup_errors=True) as folder:
        logs = [Path(folder, f"{number}.log") for number in range(min(processes, len(tasks)))]
        workers = [_Worker(do, log, timeout) for log in logs]
        try:
            for worker in workers:
                worker.assign(waiting.popleft())
            while busy := [worker for worker in workers if worker.is_busy]:
                for worker in _find_ready(busy):
                    yield worker.task, worker.collect()
                    if waiting:
                        worker.assign(waiting.popleft())
        finally:
            _end_all(workers)


class _Worker:
    """A process, which is replaced when it has died."""

    def __init__(self, do: Callable[[Any], Any], log: Path, timeout: float) -> None:
        self._do = do
        self._log = log
        self._timeout = timeout
        self.task: Any = None
        self.is_busy = False
        self._start()

    def _start(self) -> None:
        # Not forked: with threads, a fork can inherit a lock that no thread releases.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            target=_run_tasks, args=(theirs, self._do, self._log), daemon=True
        )
        with _block_interrupts():
            self.process.start()
        theirs.close()

    def assign(self, task: Any) -> None:
        if not self.process.is_alive():
            self.connection.close()
            self._start()
        self.task, self.is_busy = task, True
        self.deadline = time.monotonic() + self._timeout
        with suppress(OSError):  # it has just died: `collect` reports that
            self.connection.send(task)

    def collect(self) -> Any:
        """The result of the task if it has one by now, else `Crashed` with the reason."""
        self.is_busy = False
        if not self.connection.poll():
            self.process.kill()
            self.process.join()
            return Crashed(f"It did not end within {self._timeout:.0f} s.")
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            last = read_last_line(self._log)
            status = f"Its process ended with status {self.process.exitcode}"
            return Crashed(f"{status}: {last}" if last else f"{status}.")


def _find_ready(busy: list[_Worker]) -> list[_Worker]:
    """Wait for workers that have a result, have died, or have exceeded their time."""
    remaining = min(worker.deadline for worker in busy) - time.monotonic()
    answering = wait([worker.connection for worker in busy], max(0.0, remaining))
    now = time.monotonic()
    return [each for each in busy if each.connection in answering or each.deadline <= now]


def _end_all(workers: list[_Worker]) -> None:
    """Terminate all workers at once, and kill those that are alive after the timeout."""
    for worker in workers:
        worker.process.terminate()
    deadline = time.monotonic() + CLEANUP_TIMEOUT_SECONDS
    for worker in workers:
        worker.process.join(max(0.0, deadline - time.monotonic()))
        worker.process.kill()
        worker.process.join()
        worker.connection.close()


@contextmanager
def _block_interrupts() -> Iterator[None]:
    """Let processes started in this block ignore Ctrl-C: their parent ends them."""
    resource_tracker.ensure_running()  # the first start would start it, and unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run_tasks(connection: "Connection[Any, Any]", do: Callable[[Any], Any], log: Path) -> None:
    """The main function of a process: run tasks until the parent has ended."""
    signal.signal(signal.SIGTERM, _exit_once)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # its parent receives it too, and ends it
    Thread(target=_end_with_parent, daemon=True).start()
    for variable in VARIABLES:  # a task must not depend on the settings of its parent
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
    """Exit when the parent has ended, even if it was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(CLEANUP_TIMEOUT_SECONDS)
    os._exit(1)
