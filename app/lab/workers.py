"""Processes that share nothing and do one thing after another; one that dies harms no other."""

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

TO_END = 2.0
"""Seconds for a process to tidy up, before it is killed."""


class Lost(NamedTuple):
    """What became of a task whose process gave no answer."""

    reason: str


def spread(
    do: Callable[[Task], Any], tasks: Sequence[Task], processes: int, longest: float
) -> Iterator[tuple[Task, Any]]:
    """Each task with what `do` gave for it, as they end, or with `Lost`.

    `do` is a function of a module and returns what can be pickled. A task that takes more than
    `longest` seconds is lost, and its process killed. No process outlives the iterator, and what a
    process leaves in the folder for temporary files goes with it.
    """
    waiting = deque(tasks)
    # What a process started may still write while the folder is being removed.
    with tempfile.TemporaryDirectory(prefix="session-lab-", ignore_cleanup_errors=True) as folder:
        logs = [Path(folder, f"{number}.log") for number in range(min(processes, len(tasks)))]
        workers = [_Worker(do, log) for log in logs]
        try:
            for worker in workers:
                worker.give(waiting.popleft())
            while busy := [worker for worker in workers if worker.is_busy]:
                for worker in _ready(busy, longest):
                    yield worker.task, worker.take(longest)
                    if waiting:
                        worker.give(waiting.popleft())
        finally:
            _end(workers)


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
            target=_serve, args=(theirs, self._do, self._log), daemon=True
        )
        with _interrupts_held():
            self.process.start()
        theirs.close()

    def give(self, task: Any) -> None:
        """Let it begin with a task."""
        if not self.process.is_alive():
            self.connection.close()
            self._start()
        self.task, self.is_busy, self.since = task, True, time.monotonic()
        with suppress(OSError):  # it died this moment: `take` says so
            self.connection.send(task)

    def take(self, longest: float) -> Any:
        """What came of the task."""
        self.is_busy = False
        if not self.connection.poll():
            self.process.kill()
            self.process.join()
            return Lost(f"It did not end within {longest:.0f} s.")
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            return Lost(
                f"Its process ended with status {self.process.exitcode}{self._last_words()}"
            )

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return f": {said[-1]}" if said else "."


def _ready(busy: list[_Worker], longest: float) -> list[_Worker]:
    """Those that have an answer, have died, or are to be waited for no more."""
    now = time.monotonic()
    patience = min(worker.since for worker in busy) + longest - now
    answering = wait([worker.connection for worker in busy], max(0.0, patience))
    late = time.monotonic() - longest
    return [worker for worker in busy if worker.connection in answering or worker.since <= late]


def _end(workers: list[_Worker]) -> None:
    """Let those that are in the middle of something tidy up, if they do it soon."""
    for worker in workers:
        worker.process.terminate()
    deadline = time.monotonic() + TO_END
    for worker in workers:
        worker.process.join(max(0.0, deadline - time.monotonic()))
        worker.process.kill()
        worker.process.join()
        worker.connection.close()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """A process that begins here does not hear Ctrl-C: whoever began it ends it."""
    resource_tracker.ensure_running()  # by the first start, which would let the signal through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: "Connection[Any, Any]", do: Callable[[Any], Any], log: Path) -> None:
    """What a process does until it is ended, or whoever began it is gone."""
    signal.signal(signal.SIGTERM, _end_once)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # whoever began it hears that too, and ends it
    Thread(target=_end_with_parent, daemon=True).start()
    for variable in VARIABLES:  # an experiment does not depend on how this one was called
        os.environ.pop(variable.name, None)
    tempfile.tempdir = os.environ["TMPDIR"] = str(log.parent)  # of what it starts as well
    with log.open("wb") as file:  # what subjects say is not for whoever watches the verdicts
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        connection.send(do(task))


def _end_once(number: int, _frame: FrameType | None) -> NoReturn:
    """Tidy up, whoever asks again meanwhile."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit()


def _end_with_parent() -> None:
    """Leave nobody behind where the process that began this one is killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(TO_END)
    os._exit(1)
