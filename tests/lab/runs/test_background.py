"""Runs in a process beside the server: one at a time, and none is left behind."""

import os
import signal
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from app.lab.experiments import CLAIMS
from app.lab.runs.background import BackgroundRunner, RunFiles, RunProgress, Stage
from backends import BACKENDS
from tests.support.services import PATIENCE, LabServer, until, wait_for_end

pytestmark = pytest.mark.usefixtures("untraced_processes")

WAITS = "import sys; sys.stdin.read()"
ENDED = '{"event": "ended"}'
ENDS = f"import sys; open(sys.argv[1] + '/progress.jsonl', 'a').write('{ENDED}\\n')"


def run_of(code: str, folder: Path) -> BackgroundRunner:
    """A runner whose runs execute `code`, in a process that loads no package and starts at once."""
    return BackgroundRunner(folder, command=(sys.executable, "-I", "-S", "-c", code))


def last_of(runs: BackgroundRunner) -> RunProgress:
    last = runs.progress()
    assert last is not None
    return last


def wait_until_free(files: RunFiles) -> None:
    """Wait until every process of the run is gone."""
    until(lambda: not files.is_locked)


def over(runs: BackgroundRunner) -> RunProgress:
    """The run, once it is over."""
    wait_until_free(runs.files)
    runs.stop()
    return last_of(runs)


def test_one_run_at_a_time_in_all_processes(tmp_path: Path) -> None:
    first, elsewhere = run_of(WAITS, tmp_path), run_of(WAITS, tmp_path)
    assert first.start()
    assert not first.start()
    assert not elsewhere.start()
    assert last_of(elsewhere).stage is Stage.RUNNING
    first.stop()
    assert elsewhere.start()
    elsewhere.stop()


@pytest.mark.parametrize(
    "line",
    [b'{"event": "res{"event": "failed"}', b'{"event": "result", "claim": 5}', b"\xff", b""],
    ids=["cut", "of another version", "no text", "empty"],
)
def test_a_run_that_ended_has_not_failed_and_progress_that_cannot_be_read_is_none(
    line: bytes, tmp_path: Path
) -> None:
    runs = run_of(ENDS, tmp_path)
    runs.start()
    assert over(runs).stage is Stage.ENDED
    with (tmp_path / "progress.jsonl").open("ab") as progress:
        progress.write(line + b"\n")
    assert runs.progress() is None
    (tmp_path / "progress.jsonl").write_text(f"{ENDED}\n")
    assert runs.progress() is None
    assert runs.start()
    assert over(runs).stage is Stage.ENDED


def begin_at_once(runs: BackgroundRunner) -> int:
    """Start a run of the module, wait for its first result; its process group."""
    assert runs.start()
    while not last_of(runs).results:
        assert last_of(runs).stage is Stage.RUNNING, last_of(runs).because
        time.sleep(0.05)
    assert runs._process is not None
    return runs._process.pid


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a run makes its temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def test_a_run_of_every_claim_is_stopped_from_any_process_and_leaves_nothing(
    tmp_path: Path, temporary: Path
) -> None:
    runs, elsewhere = BackgroundRunner(tmp_path / "lab"), BackgroundRunner(tmp_path / "lab")
    group = begin_at_once(runs)
    assert last_of(runs).total == len(CLAIMS) * len(BACKENDS)
    elsewhere.files.ask_to_stop()
    wait_until_free(runs.files)
    assert last_of(elsewhere).stage is Stage.STOPPED
    assert last_of(runs).results
    wait_for_end(group)
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "lab" / "report.json").exists()
    runs.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_gets_a_signal_leaves_nothing(
    number: signal.Signals, tmp_path: Path, temporary: Path
) -> None:
    runs = BackgroundRunner(tmp_path / "lab")
    group = begin_at_once(runs)
    os.kill(group, number)
    assert over(runs).stage is Stage.FAILED
    wait_for_end(group)
    assert list(temporary.iterdir()) == []


def test_without_a_run_there_is_nothing_to_stop(tmp_path: Path) -> None:
    runs = run_of(WAITS, tmp_path)
    runs.files.ask_to_stop()
    assert not runs.files.is_asked_to_stop
    assert runs.start()
    assert last_of(runs).stage is Stage.RUNNING
    runs.stop()


def test_a_killed_server_leaves_no_run_behind(tmp_path: Path) -> None:
    files = RunFiles(tmp_path / "instance" / "lab")
    with LabServer(tmp_path) as server:
        start = Request(f"{server.url}/lab/run", method="POST", headers={"Origin": server.url})
        urlopen(start, timeout=PATIENCE).close()
        assert files.is_locked
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    wait_until_free(files)
