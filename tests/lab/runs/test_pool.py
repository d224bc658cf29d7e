"""A pool of processes of which any may die, and a run in it of subjects that fail."""

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from app.lab.claim import Verdict
from app.lab.compare import run_compare
from app.lab.experiments import CLAIMS
from app.lab.reports.report import ExitStatus
from app.lab.runs.pool import Crashed, run_in_processes
from backends import BACKENDS
from tests.lab import broken_subjects

pytestmark = pytest.mark.usefixtures("untraced_processes")

FIFO = "A_PIPE_OF_THE_TEST"


def do_task(task: str) -> object:
    """What a process does for a task of these tests."""
    match task:
        case "leave":
            os._exit(0)
        case "say and die":
            print("what came before")
            print("the last words", file=sys.stderr, flush=True)
            os._exit(1)
        case "give what cannot be sent":
            return threading.Lock()
        case "wait":
            threading.Event().wait()
        case "variable":
            return os.environ.get("SESSION_BACKEND")
        case "hang up":
            os.kill(os.getpid(), signal.SIGHUP)
        case "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
        case "leave a file":
            return tempfile.mkdtemp()
        case "tidy up":
            pipe = Path(os.environ[FIFO])
            try:
                pipe.write_text("begun")
                threading.Event().wait()
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
                pipe.with_name("tidied up").touch()
    return task.upper()


DEATHS = {
    "leave": "Its process ended with status 0.",
    "say and die": "Its process ended with status 1: the last words",
    "give what cannot be sent": "Its process ended with status 1: TypeError: cannot pickle",
}

ORDINARY = [f"task {number}" for number in range(9)]

FIRST, SECOND, LAST = DEATHS

SIGNALLED = ["hang up", "interrupt"]

TASKS = [*SIGNALLED, "variable", "leave a file", FIRST, *ORDINARY, SECOND, "the last but one", LAST]
"""The last process that dies needs no other in its place: each takes a second to start."""


@pytest.fixture(scope="module")
def outcomes() -> dict[str, object]:
    """What two processes make of all tasks that end, for a thread that is not the main one."""
    found: dict[str, object] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SESSION_BACKEND", "memcached")
        pool = run_in_processes(do_task, TASKS, 2, 60.0)
        thread = threading.Thread(target=lambda: found.update(pool))
        thread.start()
        thread.join()
    return found


def test_every_task_is_done_though_processes_die(outcomes: dict[str, object]) -> None:
    assert outcomes.keys() == set(TASKS)
    for task in [*ORDINARY, "the last but one"]:
        assert outcomes[task] == task.upper()


@pytest.mark.parametrize(("task", "reason"), DEATHS.items(), ids=DEATHS)
def test_a_death_is_the_outcome_of_its_task(
    task: str, reason: str, outcomes: dict[str, object]
) -> None:
    crashed = outcomes[task]
    assert isinstance(crashed, Crashed)
    assert crashed.reason.startswith(reason)


@pytest.mark.parametrize("task", SIGNALLED)
def test_neither_a_closed_terminal_nor_ctrl_c_ends_a_process(
    task: str, outcomes: dict[str, object]
) -> None:
    assert outcomes[task] == task.upper()


def test_the_variables_of_the_application_are_not_seen(outcomes: dict[str, object]) -> None:
    assert outcomes["variable"] is None


def test_temporary_files_of_a_task_are_removed(outcomes: dict[str, object]) -> None:
    folder = outcomes["leave a file"]
    assert isinstance(folder, str)
    assert "session-lab-" in folder
    assert not Path(folder).exists()


def test_no_task_needs_no_process() -> None:
    assert not list(run_in_processes(do_task, [], 2, 60.0))


def test_a_task_that_does_not_end_is_given_up() -> None:
    given_up = list(run_in_processes(do_task, ["wait"], 2, 0.1))
    assert given_up == [("wait", Crashed("It did not end within 0 s."))]


def test_no_process_outlives_the_iterator_and_each_tidies_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setenv(FIFO, str(pipe))
    results = run_in_processes(do_task, ["a", "tidy up"], 2, 60.0)
    assert next(results) == ("a", "A")
    assert pipe.read_text() == "begun"
    results.close()  # type: ignore[attr-defined]
    assert (tmp_path / "tidied up").exists()
    assert not multiprocessing.active_children()
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("untraced_processes")
def test_a_subject_that_fails_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")  # no redis-server
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # one process, and another when it has died
    for name in ("SESSION_BACKEND", "APP_PROFILE", "SESSION_IDLE_SECONDS", "SECRET_KEY"):
        monkeypatch.setenv(name, "invalid, and of no matter to a run")
    claim, make_app = CLAIMS["logout_is_final"], broken_subjects.make_broken_app
    with pytest.raises(SystemExit) as ended:
        run_compare(make_app, [claim.id], [], "table", None, in_chromium=False)
    output, errors = capsys.readouterr()
    assert ended.value.code == ExitStatus.ERROR
    rows = [line.split() for line in output.splitlines() if line.startswith(claim.id)]
    broken = ("cookie", "filesystem", "redis")
    outcomes = [
        Verdict.ERROR if name in broken else claim.expected_of(each, embedded=True)
        for name, each in BACKENDS.items()
    ]
    # Of two tables, one below the other.
    shown = [word for _, *verdicts in rows for word in verdicts]
    assert " ".join(shown) == " ".join(each.signed for each in outcomes)
    for reason in (
        "ConfigurationError: SECRET_KEY: it is not to its taste.",
        "Its process ended with status 7.",
        "RuntimeError: the login was answered 500",
    ):
        assert reason in " ".join(output.split())
        assert reason in " ".join(errors.split())
    assert "Again: session-lab compare --only logout_is_final\n" in output
    assert output.endswith("embedded in the process (fakeredis)\n")
    assert f"{len(BACKENDS) - 3} as expected, no surprises, 3 errors ·" in output
