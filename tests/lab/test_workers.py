"""Processes that do one thing after another, of which any may die."""

import os
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from app.lab.workers import Lost, spread


def do(task: str) -> object:
    """What a process is told here."""
    match task:
        case "die":
            os._exit(7)
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
        case "leave a file":
            return tempfile.mkdtemp()
    return task.upper()


def outcomes(*tasks: str, processes: int = 2, longest: float = 60.0) -> dict[str, object]:
    return dict(spread(do, tasks, processes, longest))


def test_every_task_is_done() -> None:
    tasks = [f"task {number}" for number in range(9)]
    assert outcomes(*tasks) == {task: task.upper() for task in tasks}


def test_nothing_to_do_is_done_at_once() -> None:
    assert outcomes() == {}


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ("die", "Its process ended with status 7."),
        ("say and die", "Its process ended with status 1: the last words"),
        ("raise", "Its process ended with status 1: LookupError: there is no such thing"),
        ("give what cannot be sent", "Its process ended with status 1: TypeError: cannot pickle"),
    ],
)
def test_a_process_that_dies_loses_its_task_and_no_other(
    task: str, reason: str, processes: int
) -> None:
    found = outcomes("a", task, "b", "c", processes=processes)
    lost = found.pop(task)
    assert isinstance(lost, Lost)
    assert lost.reason.startswith(reason)
    assert found == {"a": "A", "b": "B", "c": "C"}


def test_a_task_that_does_not_end_is_given_up() -> None:
    assert outcomes("wait", longest=0.1) == {"wait": Lost("It did not end within 0 s.")}


def test_the_application_s_variables_are_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSION_BACKEND", "memcached")
    assert outcomes("variable") == {"variable": None}


def test_what_a_task_leaves_for_temporary_is_removed() -> None:
    folder = outcomes("leave a file")["leave a file"]
    assert isinstance(folder, str)
    assert "session-lab-" in folder
    assert not Path(folder).exists()


def test_no_process_outlives_whoever_stops_listening(capfd: pytest.CaptureFixture[str]) -> None:
    results = spread(do, ["a", "wait", "wait too"], 2, 60.0)
    assert next(results) == ("a", "A")
    results.close()  # type: ignore[attr-defined]
    assert capfd.readouterr() == ("", "")


def test_who_has_no_main_thread_may_spread_too() -> None:
    found: dict[str, object] = {}
    thread = threading.Thread(target=lambda: found.update(outcomes("a")))
    thread.start()
    thread.join()
    assert found == {"a": "A"}
