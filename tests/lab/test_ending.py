"""How `session-lab compare` ends at a stream that cannot be written, and at a signal.

Exit status 1 means a surprise, and nothing else may end by it.
"""

import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TextIO

import pytest

from app.__main__ import session_lab
from app.lab.reports.report import parse_report
from app.lab.reports.terminal import ASCII
from tests.lab import broken_subjects
from tests.lab.conftest import SetReport
from tests.lab.reports.made_reports import AS_EXPECTED
from tests.support import processes
from tests.support.processes import start_group
from tests.support.services import PATIENCE, LabServer, require, runs_in, until, wait_for_end

pytestmark = pytest.mark.usefixtures("untraced_processes")

COMMAND = [sys.executable, "-m", broken_subjects.__name__]
FULL_DISK = "Error: Standard output cannot be written: No space left on device.\n"
CLOSED_PIPE_STATUS = 128 + signal.SIGPIPE

FORMS = pytest.mark.parametrize("form", ["--format=table", "--format=json", "--list"])


def open_full_disk() -> TextIO:
    return Path("/dev/full").open("w")


def open_closed_pipe() -> TextIO:
    """A pipe whose reader has gone, as that of `| head -1`."""
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w")


class End(NamedTuple):
    """A stream that cannot be written, and how the command ends at it."""

    open: Callable[[], TextIO]
    status: int
    errors: str


ENDS = pytest.mark.parametrize(
    "end",
    [End(open_full_disk, 2, FULL_DISK), End(open_closed_pipe, CLOSED_PIPE_STATUS, "")],
    ids=["full disk", "closed pipe"],
)


def write_to(
    monkeypatch: pytest.MonkeyPatch, name: str, stream: TextIO, *arguments: str
) -> str | int | None:
    """Call the command with this stream in place of standard output or error: its exit status."""
    monkeypatch.setattr(sys, name, stream)
    with pytest.raises(SystemExit) as ended:
        session_lab(["compare", *arguments], prog_name="session-lab")
    stream.close()  # as the end of the process does; it raises if the output is tried once more
    return ended.value.code


class TestStreams:
    @FORMS
    @ENDS
    def test_a_stream_that_cannot_be_written_is_one_line_or_none(
        self,
        set_report: SetReport,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        form: str,
        end: End,
    ) -> None:
        set_report(AS_EXPECTED)
        assert write_to(monkeypatch, "stdout", end.open(), form) == end.status
        assert capsys.readouterr().err == end.errors

    def test_a_full_disk_is_one_line_for_a_file_too(
        self, set_report: SetReport, capsys: pytest.CaptureFixture[str]
    ) -> None:
        set_report(AS_EXPECTED)
        with pytest.raises(SystemExit, match="2"):
            session_lab(["compare", "--output", "/dev/full"])
        said = "Error: /dev/full cannot be written: No space left on device.\n"
        assert capsys.readouterr().err == said

    @pytest.mark.usefixtures("in_process")
    def test_progress_that_nobody_reads_ends_the_run(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        only = ("--only", "logout_is_final", "--backend", "cookie")
        status = write_to(monkeypatch, "stderr", open_closed_pipe(), *only)
        assert (status, capsys.readouterr().out) == (CLOSED_PIPE_STATUS, "")

    def test_json_is_utf_8_in_every_encoding(
        self, set_report: SetReport, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        set_report(AS_EXPECTED)
        stream = (tmp_path / "out").open("w", encoding="ascii")
        assert write_to(monkeypatch, "stdout", stream, "--format=json") == 0
        assert parse_report((tmp_path / "out").read_text(encoding="utf-8")) == AS_EXPECTED

    def test_an_encoding_without_signs_gets_words(
        self, set_report: SetReport, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        set_report(AS_EXPECTED)
        for encoding in ("utf-8", "ascii"):
            stream = (tmp_path / encoding).open("w", encoding=encoding)
            assert write_to(monkeypatch, "stdout", stream, "--format=table") == 0
        signed, plain = (tmp_path / "utf-8").read_text("utf-8"), (tmp_path / "ascii").read_text()
        assert "✗ fails" in signed
        translated = signed.translate({ord(sign): word for sign, word in ASCII.items()})
        assert plain.split() == translated.split()


def test_a_process_flushes_its_streams_without_a_word_when_it_exits(tmp_path: Path) -> None:
    line = " ".join((*COMMAND, "report", "--format=table", "| true"))
    command = ["bash", "-o", "pipefail", "-c", line]
    ended = processes.run(command, environment=LabServer(tmp_path).environment)
    assert (ended.returncode, ended.stdout, ended.stderr) == (CLOSED_PIPE_STATUS, "", "")


def test_a_run_terminated_repeatedly_leaves_no_process_and_no_redis_server(tmp_path: Path) -> None:
    require("redis-server", "redis-server")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    environment = {**LabServer(tmp_path).environment, broken_subjects.FIFO: str(pipe)}
    with start_group([*COMMAND, "stuck", "redis"], environment) as run:
        assert pipe.read_text() == "begun"
        for number in (signal.SIGTERM, signal.SIGTERM):
            os.kill(run.pid, number)
            while not is_handled(run.pid, number):
                pass  # the kernel makes one of two signals that wait
        os.killpg(run.pid, signal.SIGHUP)  # its terminal is closed too, for all its processes
        output, errors = run.communicate(timeout=PATIENCE)
        # Of several that wait, Python handles the one with the lowest number first.
        assert run.returncode in (128 + signal.SIGTERM, 128 + signal.SIGHUP)
        assert (output, errors) == ("", "")
        wait_for_end(run.pid)


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A socket of Chromium must fit into its name."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize(
    ("number", "send"),
    [(signal.SIGINT, os.kill), (signal.SIGHUP, os.killpg)],
    ids=["ctrl-c", "the end of a terminal"],
)
def test_a_run_in_chromium_that_is_stopped_leaves_no_process_and_no_file(
    number: signal.Signals, send: Callable[[int, int], None], short_folder: Path, tmp_path: Path
) -> None:
    require("chromium", "chromium")
    environment = {**LabServer(tmp_path).environment, "TMPDIR": str(short_folder)}
    # The claim that takes longest: it has not ended when the signal comes.
    options = ["--browser=chromium", "--format=json", "--backend=cookie", "--only=capacity"]
    command = [sys.executable, "-m", "app", "compare", *options]
    with start_group(command, environment) as run:
        until(lambda: any(b"user-data-dir" in line for line in command_lines(short_folder)))
        assert list(short_folder.iterdir()) != []
        send(run.pid, number)
        output, errors = run.communicate(timeout=PATIENCE)
        assert (run.returncode, output) == (128 + number, "")
        assert errors == "Stopped.\n" if number == signal.SIGINT else "Exception" not in errors
        assert "Traceback" not in errors
        wait_for_end(run.pid)
    until(lambda: not command_lines(short_folder))
    assert list(short_folder.iterdir()) == []


def command_lines(folder: Path) -> list[bytes]:
    """Of the processes that keep their files in the folder, those of other groups too."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            line = (process / "cmdline").read_bytes()
            if bytes(folder) in line + (process / "environ").read_bytes():
                lines.append(line)
    return lines


def is_handled(run: int, number: signal.Signals) -> bool:
    """Whether a run has handled a signal: it ignores the next one, or it has ended."""
    process = Path("/proc", str(run))
    ignored = re.search(r"SigIgn:\s*(\w+)", (process / "status").read_text())
    assert ignored is not None
    return bool(int(ignored[1], 16) >> (number - 1) & 1) or not runs_in(run, process)
