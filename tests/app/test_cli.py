"""The commands, by every way in."""

import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from flask.cli import cli as flask_command

from app import create_app
from app.__main__ import main, session_lab
from backends import BACKENDS, audit_log
from tests.conftest import ACCOUNTS, make_session_lab
from tests.support.bare import Tab, add_views, make_bare
from tests.support.processes import run
from tests.support.visitor import Visitor
from tests.system.plugins.packages import environment, install

BIN = Path(sys.executable).parent

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Call `session-lab` inside this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SESSION_BACKEND", "cookie")
    # Its handler goes again with the test: beside that of a server each line would be there twice.
    monkeypatch.setattr(audit_log.logger, "handlers", [])
    return lambda *arguments: CliRunner().invoke(session_lab, arguments, prog_name="session-lab")


def test_a_folder_that_is_deleted_is_named(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for command in ("run", "compare", "bench"):
        ended = invoke(command)
        assert ended.exit_code == 1
        assert (
            ended.stderr == "Error: The current folder is deleted: change to one that is there.\n"
        )


@pytest.fixture
def cookie() -> str:
    """The session cookie of any Flask application on signed cookies."""
    tab = Tab(add_views(make_bare("cookie")))
    tab.post("/set/user/Ærøskøbing")
    return tab.token


def test_a_cookie_is_decoded_without_its_key_as_it_was_copied(
    invoke: Invoke, cookie: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs no setting and leaves nothing."""
    monkeypatch.setenv("SESSION_BACKEND", "memcached")
    line = f"Cookie: theme=dark; session={cookie}"
    result = invoke("cookie", "decode", cookie)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["user"] == "Ærøskøbing"
    assert result.stderr.startswith("signed at ")
    assert result.stderr.endswith("the signature was not checked\n")
    assert invoke("cookie", "decode", line).stdout == result.stdout
    piped = CliRunner().invoke(session_lab, ["cookie", "decode", "-"], input=f"{line}\n")
    assert (piped.exit_code, piped.stdout) == (0, result.stdout)
    assert not list(tmp_path.iterdir())


def test_a_value_without_a_session_is_an_error(invoke: Invoke) -> None:
    values = ("", "nonsense", "a.b.c", "ZG9n", "-TRvf", "--TRvf", "-h")
    results = [invoke("cookie", "decode", value) for value in values]
    for no_text in (b"", b"\xff\xfe"):
        runner = CliRunner()
        results.append(runner.invoke(session_lab, ["cookie", "decode", "-"], input=no_text))
    for result in results:
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("Error: Nothing can be read in it")


def test_help_looks_at_no_setting(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SESSION_BACKEND", "memcached")
    for command in ((), ("sessions",)):
        result = invoke(*command, "--help")
        assert (result.exit_code, result.stderr) == (0, "")
        assert "Usage: session-lab" in result.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_one_line(unbuffered: str) -> None:
    line = f"exec {BIN / 'session-lab'} cookie decode e30.aaaa.bbbb > /dev/full"
    ended = run(["sh", "-c", line], environment={**os.environ, "PYTHONUNBUFFERED": unbuffered})
    said = "session-lab: [Errno 28] No space left on device.\n"
    assert (ended.returncode, ended.stderr) == (1, said)


def test_closed_streams_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has `None` for each; something else is open there while the command runs."""
    streams = ("stdin", "stdout", "stderr")
    for name in streams:
        monkeypatch.setattr(sys, name, None)
    plan = ("plan", "--users", "1", "--size", "500", "--requests", "1", "--hours", "1")
    monkeypatch.setattr(sys, "argv", ["session-lab", *plan])
    with pytest.raises(SystemExit) as ended:
        main()
    for name in streams:
        getattr(sys, name).close()
    assert ended.value.code == 0


def test_options_without_effect_are_refused(invoke: Invoke) -> None:
    for option in ("--app=shop", "--debug", "--env-file=x"):
        assert "No such option" in invoke(option, "sessions", "check").stderr


def test_no_command_of_the_application_is_missing() -> None:
    """`session-lab` names its commands without asking the application."""
    app = make_session_lab(LAB=True)
    assert app.cli.commands.keys() <= set(session_lab.list_commands(click.Context(session_lab)))


def test_flasks_own_command_offers_them_too(
    invoke: Invoke, cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB", "on")
    for command, shown in (
        (["cookie", "decode", cookie], "Ærøskøbing"),
        (["compare", "--list"], "logout_is_final"),
    ):
        ended = CliRunner().invoke(flask_command, ["--app", "app", *command])
        assert (ended.exit_code, shown in ended.stdout) == (0, True), ended.output


@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        ("", "No session backend is chosen. Set SESSION_BACKEND to one of: cookie, "),
        ("memcached", "SESSION_BACKEND: 'memcached' is not known. Choose one of: cookie, "),
        ("filesystem", "SESSION_FILE_DIR: there is no folder instance/sessions/filesystem"),
    ],
)
def test_sessions_that_cannot_be_found_are_one_line(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, backend: str, expected: str
) -> None:
    """Of each command: tests/backends/commands/test_refusals.py."""
    monkeypatch.setenv("SESSION_BACKEND", backend)
    result = invoke("sessions", "list")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {expected}")
    assert result.stderr.count("\n") == 1


def test_no_command_on_sessions_leaves_a_folder(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ACCOUNTS_FILE")
    for backend in ("", *BACKENDS):
        monkeypatch.setenv("SESSION_BACKEND", backend)
        for command in (["list"], ["revoke", "alice", "--all"], ["sweep"], ["check"]):
            invoke("sessions", *command)
            assert not list(tmp_path.iterdir()), (backend, command)


def test_sessions_are_those_of_the_server_in_this_folder(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of `sessions` is tested on other applications: tests/backends/commands."""
    monkeypatch.setenv("SESSION_BACKEND", "filesystem")
    app = create_app({"DEMO_ACCOUNTS": ACCOUNTS})
    visitors = [Visitor(app).logged_in(name) for name in ("bob", "alice", "alice")]
    monkeypatch.setattr(logging.getLogger("backends"), "handlers", [])  # those of the server
    listed = json.loads(invoke("sessions", "list", "--format", "json").stdout)
    assert [each["owner"] for each in listed] == ["alice", "alice", "bob"]
    ended = invoke("sessions", "revoke", "alice", "--all")
    assert (ended.exit_code, ended.stdout) == (0, "Sessions of alice ended: 2.\n")
    assert 'by="the command line"' in ended.stderr
    assert [visitor.is_in for visitor in visitors] == [True, False, False]
    assert "Logins:   work\n" in invoke("sessions", "check").stdout


THING = """
import click

@click.command()
def thing():
    "A command of a library."
"""


def test_a_command_of_a_library_is_flasks_and_not_ours(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    install(site, "flask-thing", {"thing": THING}, {"thing": "thing:thing"}, "flask.commands")
    variables = environment(site, PYTHONDONTWRITEBYTECODE="1")
    refused = run([BIN / "session-lab", "thing"], tmp_path, variables)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.endswith("Error: No such command 'thing'.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["site-packages"]
    (tmp_path / "shop.py").write_text("from flask import Flask\napp = Flask(__name__)\n")
    for command, names in (
        ([BIN / "session-lab"], ["bench", "compare", "cookie", "plan", "run", "sessions"]),
        ([BIN / "flask", "--app", "shop"], ["routes", "run", "sessions", "shell", "thing"]),
    ):
        shown = run([*command, "--help"], tmp_path, variables).stdout
        lines = shown.partition("Commands:\n")[2].splitlines()
        assert [line.split()[0] for line in lines if line[2:3].isalnum()] == names
