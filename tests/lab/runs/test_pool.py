"""A pool of processes of which any may die."""

import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from app.lab.runs.pool import Crashed, run_in_processes

pytestmark = pytest.mark.usefixtures("untraced_processes")


FOLDER = "A_FOLDER_OF_THE_TEST"


def do(task: str) -> object:
    """What a process is told here."""
    match task:
        case "die":
            os._exit(7)
        case "leave":
            os._exit(0)
        case "raise":
            raise LookupError("there is no such thing")
        case "say and die":
            print("what came before")
            print("the last words", file=sys.stderr, flush=True)
            os._exit(1)
        case "wait":
            threading.Event().wait()
        case "give what cannot be sent":
            return threading.Lock()
        case "variable":
            return os.environ.get("SESSION_BACKEND")
        case "hang up":
            os.kill(os.getpid(), signal.SIGHUP)
        case "tidy up":
            try:
                Path(os.environ[FOLDER], "begun").touch()
                threading.Event().wait()
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
                Path(os.environ[FOLDER], "tidied up").touch()
        case "leave a file":
            return tempfile.mkdtemp()
    return task.upper()


def outcomes(*tasks: str, processes: int = 2, timeout: float = 60.0) -> dict[str, object]:
    return dict(run_in_processes(do, tasks, processes, timeout))


NINE = [f"task {number}" for number in range(9)]


@pytest.fixture(scope="module")
def done() -> dict[str, object]:
    """What two processes make of nine tasks and two that tell where they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SESSION_BACKEND", "memcached")
        return outcomes(*NINE, "variable", "leave a file")


def test_every_task_is_done(done: dict[str, object]) -> None:
    assert {task: done[task] for task in NINE} == {task: task.upper() for task in NINE}


def test_a_terminal_that_is_closed_ends_no_process() -> None:
    assert outcomes("hang up") == {"hang up": "HANG UP"}


def test_a_second_signal_does_not_interrupt_the_cleanup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    results = run_in_processes(do, ["a", "tidy up"], 2, 60.0)
    next(results)
    while not (tmp_path / "begun").exists():
        time.sleep(0.01)
    results.close()  # type: ignore[attr-defined]
    assert (tmp_path / "tidied up").exists()


def test_the_application_s_variables_are_not_seen(done: dict[str, object]) -> None:
    assert done["variable"] is None


def test_temporary_files_of_a_task_are_removed(done: dict[str, object]) -> None:
    folder = done["leave a file"]
    assert isinstance(folder, str)
    assert "session-lab-" in folder
    assert not Path(folder).exists()


def test_nothing_to_do_is_done_at_once() -> None:
    assert outcomes() == {}


DEATHS = {
    "die": "Its process ended with status 7.",
    "leave": "Its process ended with status 0.",
    "say and die": "Its process ended with status 1: the last words",
    "raise": "Its process ended with status 1: LookupError: there is no such thing",
    "give what cannot be sent": "Its process ended with status 1: TypeError: cannot pickle",
}


def test_a_process_that_dies_loses_its_task_and_no_other() -> None:
    others = ["a", "b", "c", "d", "e", "f"]
    mixed = [task for pair in zip(others, DEATHS, strict=False) for task in pair]
    found = outcomes(*mixed, others[-1], processes=2)
    for task, reason in DEATHS.items():
        crashed = found.pop(task)
        assert isinstance(crashed, Crashed)
        assert crashed.reason.startswith(reason)
    assert found == {task: task.upper() for task in others}


def test_a_task_that_does_not_end_is_given_up() -> None:
    assert outcomes("wait", timeout=0.1) == {"wait": Crashed("It did not end within 0 s.")}


def test_no_process_outlives_the_iterator(capfd: pytest.CaptureFixture[str]) -> None:
    results = run_in_processes(do, ["a", "wait", "wait too"], 2, 60.0)
    assert next(results) == ("a", "A")
    results.close()  # type: ignore[attr-defined]
    assert capfd.readouterr() == ("", "")


def test_a_thread_may_run_a_pool_too() -> None:
    found: dict[str, object] = {}
    thread = threading.Thread(target=lambda: found.update(outcomes("a")))
    thread.start()
    thread.join()
    assert found == {"a": "A"}
