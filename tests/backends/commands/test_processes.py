"""`flask sessions` as users call it: by their own `flask`, in the folder of their application."""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import pytest
from flask.cli import ScriptInfo

from backends import Backend
from backends.commands import output, revoke_sessions, sessions
from tests.backends.commands.conftest import Shop
from tests.conftest import SECRET, Where
from tests.support.bare import make_bare
from tests.support.processes import run
from tests.support.services import PATIENCE
from tests.support.terminal import Ended, run_at_terminal

pytestmark = pytest.mark.usefixtures("untraced_processes")

FLASK = str(Path(sys.executable).parent / "flask")

SHOP = """
from flask import Flask
from flask.cli import ScriptInfo
from backends import init_app
from backends.timing import deadline

deadline.LIMIT_SECONDS = {patience}  # a busy machine is no outage
app = Flask("lab")
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
        self.shop = Shop(make_bare(backend.name, **config))

    def command(self, *arguments: str) -> list[str]:
        return [FLASK, "--app", "shop", "sessions", *arguments]

    @property
    def environment(self) -> Mapping[str, str]:
        own = {"PYTHONDONTWRITEBYTECODE": "1", "TERM": "xterm", "PAGER": "sed s/^/paged:/"}
        # A size of the screen from here would count more than that of the terminal.
        others = {name: value for name, value in os.environ.items() if name != "LINES"}
        return {**others, **own}

    def run(self, redirection: str, *arguments: str) -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        line = f"exec {shlex.join(self.command(*arguments))} {redirection}"
        ended = run(["sh", "-c", line], self.path, self.environment)
        return ended.returncode, ended.stdout, ended.stderr

    def at_terminal(self, *arguments: str, lines: int = 24) -> Ended:
        return run_at_terminal(self.command(*arguments), self.path, self.environment, lines)


@pytest.fixture
def folder(tmp_path: Path, placed: tuple[Backend, Where]) -> Folder:
    return Folder(tmp_path / "folder", *placed)


def test_an_application_that_is_not_there_is_flasks_error(folder: Folder) -> None:
    (folder.path / "shop.py").unlink()
    status, output, errors = folder.run("", "check")
    assert (status, output) == (2, "")
    assert errors.endswith("Error: Could not import 'shop'.\n")


def test_an_encoding_without_the_owners_script_is_no_error(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    ended = folder.run("", "revoke", "Жанна", "--all")
    assert ended == (0, "Sessions of ????? ended: 0.\n", "")


def test_a_full_disk_behind_the_output_is_one_line(folder: Folder) -> None:
    said = "Error: The output cannot be written: No space left on device.\n"
    assert folder.run("> /dev/full", "revoke", "ada", "--all") == (1, "", said)


def test_a_list_longer_than_the_screen_goes_to_the_pager(folder: Folder) -> None:
    for _ in range(5):
        folder.shop.log_in()
    ended = folder.at_terminal("list", "ada", lines=6)
    assert ended.status == 0
    assert all(text in ended.output for text in (*folder.shop.handles(), "paged:"))


def test_a_sweep_shows_its_progress_at_a_terminal(folder: Folder) -> None:
    ended = folder.at_terminal("sweep")
    assert ended.status == 0
    assert "Sweeping" in ended.output
    assert "100%" in ended.output
    assert ended.output.endswith("Records of ended sessions removed: 0.\n")


@pytest.fixture
def shop(folder: Folder) -> Shop:
    return folder.shop


class TestTerminal:
    """What needs no process of its own."""

    @pytest.fixture
    def terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (output, revoke_sessions):
            monkeypatch.setattr(module, "is_terminal", lambda _: True)

    @pytest.mark.parametrize(
        ("options", "typed", "asks", "left"),
        [((), "n\n", True, 2), ((), "y\n", True, 0), (("--yes",), None, False, 0)],
    )
    def test_all_asks_first_and_ends_them_by_yes(
        self,
        terminal: None,
        shop: Shop,
        options: tuple[str, ...],
        typed: str | None,
        asks: bool,
        left: int,
    ) -> None:
        for _ in range(2):
            shop.log_in()
        arguments = ("revoke", "ada", "--all", *options)
        ended = shop.app.test_cli_runner().invoke(sessions, arguments, input=typed)
        said = "" if left else "Sessions of ada ended: 2.\n"
        assert (ended.exit_code, ended.stdout) == (1 if left else 0, said)
        assert ("End all sessions of ada (2)? [y/N]:" in ended.stderr) is asks
        assert len(shop.listed()) == left

    def test_a_list_that_the_screen_holds_is_not_paged(
        self, terminal: None, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shop.log_in()
        monkeypatch.setenv("LINES", "24")
        monkeypatch.setattr(click, "echo_via_pager", lambda _: pytest.fail("it is paged"))
        assert shop.handles()[0] in shop.run("list", "ada").stdout

    @pytest.mark.parametrize("command", [("list", "ada"), ("revoke", "ada", "--all"), ("sweep",)])
    def test_a_closed_stream_is_no_terminal(
        self, shop: Shop, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shop.log_in()
        for name in ("stdin", "stdout", "stderr"):
            monkeypatch.setattr(sys, name, None)
        with pytest.raises(SystemExit) as ended:
            sessions.main(command, obj=ScriptInfo(create_app=lambda: shop.app))
        assert ended.value.code == 0
