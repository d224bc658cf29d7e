"""`flask sessions` as users call it: by their own `flask`, in the folder of their application."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from flask import Flask

from backends import Backend, init_app
from tests.backends.commands.conftest import LISTING, Shop
from tests.conftest import SECRET, Where
from tests.support.services import PATIENCE
from tests.support.terminal import Ended, run_at_terminal

pytestmark = pytest.mark.usefixtures("untraced_processes")

ON_DISK = pytest.mark.parametrize("placed", LISTING[:1], indirect=True, ids=["filesystem"])
"""For what a process adds to a command: that is alike on every backend."""

FLASK = str(Path(sys.executable).parent / "flask")

SHOP = """
from flask import Flask
from backends import init_app
from backends.timing import deadline

deadline.LIMIT_SECONDS = {patience}  # a busy machine is no outage
app = Flask(__name__)
app.config.update({config!r})
init_app(app, {backend!r})
"""


class Folder:
    """A user's folder with their application `shop.py`, and with its visitors."""

    def __init__(self, folder: Path, backend: Backend, where: Where) -> None:
        config = {"SECRET_KEY": SECRET, "SESSION_OWNER": "user", **where}
        config["SESSION_FILE_DIR"] = str(config["SESSION_FILE_DIR"])
        self.path = folder
        folder.mkdir()
        (folder / "shop.py").write_text(
            SHOP.format(config=config, backend=backend.name, patience=PATIENCE)
        )
        self.shop = Shop(_make_app(backend, config))

    def command(self, *arguments: str) -> list[str]:
        return [FLASK, "--app", "shop", "sessions", *arguments]

    @property
    def environment(self) -> Mapping[str, str]:
        own = {"PYTHONDONTWRITEBYTECODE": "1", "TERM": "xterm", "PAGER": "sed s/^/paged:/"}
        # A size of the screen from here would count more than that of the terminal.
        others = {name: value for name, value in os.environ.items() if name != "LINES"}
        return {**others, **own}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return self._start(self.command(*arguments))

    def _start(self, command: list[str]) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            command,
            cwd=self.path,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int | None, str, str]:
        """Exit status, standard output and standard error."""
        process = self.start(*arguments)
        return wait(process)

    def run_in_shell(self, redirection: str, *arguments: str) -> tuple[int | None, str, str]:
        script = f"exec {shlex.join(self.command(*arguments))} {redirection}"
        return wait(self._start(["sh", "-c", script]))

    def at_terminal(
        self, *arguments: str, answer: tuple[str, str] | None = None, lines: int = 24
    ) -> Ended:
        command = self.command(*arguments)
        return run_at_terminal(command, self.path, self.environment, answer, lines)


def wait(process: "subprocess.Popen[str]") -> tuple[int | None, str, str]:
    try:
        output, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    return process.returncode, output, errors


def _make_app(backend: Backend, config: Mapping[str, object]) -> Flask:
    app = Flask("shop")
    app.config.update(config)
    init_app(app, backend.name)
    return app


@pytest.fixture
def folder(tmp_path: Path, placed: tuple[Backend, Where]) -> Folder:
    return Folder(tmp_path / "folder", *placed)


@ON_DISK
def test_the_commands_work_and_leave_nothing_in_the_folder(folder: Folder) -> None:
    folder.shop.log_in()
    folder.shop.log_in()
    status, output, errors = folder.run("list", "ada", "--format", "json")
    assert (status, errors) == (0, "")
    handles = [each["handle"] for each in json.loads(output)]
    assert sorted(handles) == sorted(folder.shop.handles())
    assert folder.run("check")[0] == 0
    assert folder.run("revoke", "ada", handles[0]) == (0, "Sessions of ada ended: 1.\n", "")
    assert folder.run("sweep")[0] == 0
    assert [path.name for path in folder.path.iterdir()] == ["shop.py"]


@ON_DISK
def test_an_application_that_is_not_there_is_flasks_error(folder: Folder) -> None:
    (folder.path / "shop.py").unlink()
    for command in (("list", "ada"), ("check",)):
        status, output, errors = folder.run(*command)
        assert (status, output) == (2, "")
        assert errors.endswith("Error: Could not import 'shop'.\n")


@ON_DISK
def test_an_encoding_without_the_owners_script_is_no_error(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.shop.log_in("Жанна")
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    status, output, errors = folder.run("list", "Жанна")
    assert (status, errors) == (0, "")
    assert "?????  " in output


@ON_DISK
@pytest.mark.parametrize("command", [("list", "ada"), ("revoke", "ada", "--all"), ("check",)])
def test_a_full_disk_behind_the_output_is_one_line(
    folder: Folder, command: tuple[str, ...]
) -> None:
    folder.shop.log_in()
    said = "Error: The output cannot be written: No space left on device.\n"
    assert folder.run_in_shell("> /dev/full", *command) == (1, "", said)


@ON_DISK
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
@pytest.mark.parametrize("command", [("list", "ada"), ("revoke", "ada", "--all"), ("sweep",)])
def test_a_closed_stream_is_no_terminal(
    folder: Folder, command: tuple[str, ...], closed: str
) -> None:
    folder.shop.log_in()
    status, _, errors = folder.run_in_shell(closed, *command)
    assert (status, errors) == (0, "")


def test_lists_and_the_end_of_all_go_on_beside_each_other(folder: Folder) -> None:
    for _ in range(20):
        folder.shop.log_in()
    list_ada, revoke = ("list", "ada", "--format", "json"), ("revoke", "ada", "--all")
    processes = [folder.start(*command) for command in (list_ada, revoke, list_ada, revoke)]
    ended = [wait(process) for process in processes]
    assert [(status, errors) for status, _, errors in ended] == [(0, "")] * 4
    assert all(len(json.loads(ended[n][1])) <= 20 for n in (0, 2))
    counts = [int(ended[n][1].split()[-1].rstrip(".")) for n in (1, 3)]
    assert sum(counts) == 20
    assert folder.shop.listed() == []


@ON_DISK
@pytest.mark.parametrize(
    ("typed", "status", "left"), [("y\n", 0, 0), ("n\n", 1, 2)], ids=["yes", "no"]
)
def test_at_a_terminal_all_asks_first(folder: Folder, typed: str, status: int, left: int) -> None:
    folder.shop.log_in()
    folder.shop.log_in()
    question = "End all sessions of ada (2)? [y/N]:"
    ended = folder.at_terminal("revoke", "ada", "--all", answer=(question, typed))
    assert (ended.status, len(folder.shop.listed())) == (status, left)
    assert question in ended.output


@ON_DISK
def test_at_a_terminal_yes_asks_nothing(folder: Folder) -> None:
    folder.shop.log_in()
    ended = folder.at_terminal("revoke", "ada", "--all", "--yes")
    assert ended == Ended("Sessions of ada ended: 1.\n", 0)


@ON_DISK
def test_a_list_longer_than_the_screen_goes_to_the_pager(folder: Folder) -> None:
    for _ in range(5):
        folder.shop.log_in()
    for lines, is_paged in ((24, False), (6, True)):
        ended = folder.at_terminal("list", "ada", lines=lines)
        assert ended.status == 0
        assert all(handle in ended.output for handle in folder.shop.handles())
        assert ("paged:" in ended.output) == is_paged


@ON_DISK
def test_a_sweep_shows_its_progress_at_a_terminal_alone(folder: Folder) -> None:
    folder.shop.log_in()
    assert folder.run("sweep") == (0, "Records of ended sessions removed: 0.\n", "")
    ended = folder.at_terminal("sweep")
    assert ended.status == 0
    assert "Sweeping" in ended.output
    assert "100%" in ended.output
    assert ended.output.endswith("Records of ended sessions removed: 0.\n")
