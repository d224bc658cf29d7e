"""The commands, by every way in."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from flask import Flask, session

from app import create_app
from app.__main__ import session_lab
from backends import BACKENDS, audit_log, init_app
from tests.conftest import ACCOUNTS, SECRET
from tests.support.services import PATIENCE, LabServer, RedisServer
from tests.support.visitor import Visitor
from tests.system.plugins.packages import environment, install

BIN = Path(sys.executable).parent

Invoke = Callable[..., Result]

JSON = ("--format", "json")


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Call `session-lab` inside this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SESSION_BACKEND", "cookie")
    # Its handler goes again with the test: beside that of a server each line would be there twice.
    monkeypatch.setattr(audit_log.logger, "handlers", [])
    return lambda *arguments: CliRunner().invoke(session_lab, arguments, prog_name="session-lab")


@pytest.fixture
def cookie() -> str:
    """The session cookie of any Flask application on signed cookies."""
    app = Flask("another")
    app.config.update(SECRET_KEY=SECRET)
    init_app(app, "cookie")

    @app.get("/")
    def index() -> str:
        session["user"] = "Ærøskøbing"
        return ""

    client = app.test_client()
    client.get("/")
    found = client.get_cookie("session")
    assert found is not None
    return found.value


def test_a_cookie_is_decoded_without_its_key(invoke: Invoke, cookie: str) -> None:
    result = invoke("cookie", "decode", cookie)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["user"] == "Ærøskøbing"
    assert result.stderr.startswith("signed at ")
    assert result.stderr.endswith("the signature was not checked\n")


def test_a_cookie_is_decoded_as_it_was_copied_and_from_standard_input(
    invoke: Invoke, cookie: str
) -> None:
    line = f"Cookie: theme=dark; session={cookie}"
    given = invoke("cookie", "decode", line)
    assert json.loads(given.stdout)["user"] == "Ærøskøbing"
    piped = CliRunner().invoke(session_lab, ["cookie", "decode", "-"], input=f"{line}\n")
    assert (piped.exit_code, piped.stdout) == (0, given.stdout)


@pytest.mark.parametrize("value", ["", "nonsense", "a.b.c", "ZG9n"])
def test_a_value_without_a_session_is_an_error(value: str, invoke: Invoke) -> None:
    result = invoke("cookie", "decode", value)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: Nothing can be read in it")


def test_decoding_needs_no_setting_and_leaves_nothing(
    invoke: Invoke, cookie: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSION_BACKEND", "memcached")
    assert invoke("cookie", "decode", cookie).exit_code == 0
    assert not list(tmp_path.iterdir())


def test_help_looks_at_no_setting(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SESSION_BACKEND", "memcached")
    result = invoke("--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Usage: session-lab" in result.stdout
    assert not list(tmp_path.iterdir())


def test_no_command_of_the_application_is_missing() -> None:
    """`session-lab` names its commands without asking the application."""
    app = create_app({"SESSION_BACKEND": "cookie", "SECRET_KEY": SECRET, "LAB": True})
    assert app.cli.commands.keys() <= set(session_lab.list_commands(click.Context(session_lab)))


def test_an_invalid_setting_is_one_line_where_a_command_needs_it(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSION_BACKEND", "memcached")
    assert invoke("sessions", "--help").exit_code == 0
    result = invoke("sessions", "list")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "'memcached' is not known" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    [
        (str(BIN / "session-lab"),),
        (sys.executable, "-m", "app"),
        (str(BIN / "flask"), "--app", "app"),
    ],
    ids=["session-lab", "python -m app", "flask --app app"],
)
def test_every_command_name_offers_the_same_commands(
    command: tuple[str, ...], cookie: str, tmp_path: Path
) -> None:
    process = subprocess.run(
        (*command, "cookie", "decode", cookie),
        cwd=tmp_path,
        env=LabServer(tmp_path).environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["user"] == "Ærøskøbing"


def test_an_application_on_one_backend_offers_them_too(cookie: str) -> None:
    app = create_app({"SESSION_BACKEND": "cookie", "SECRET_KEY": SECRET})
    result = app.test_cli_runner().invoke(args=["cookie", "decode", cookie])
    assert json.loads(result.stdout)["user"] == "Ærøskøbing"


class TestSessions:
    """The rest of `sessions` is tested on other applications: tests/backends/commands."""

    @pytest.fixture
    def invoke(
        self, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, redis_server: RedisServer
    ) -> Invoke:
        redis_server.client().flushall()
        monkeypatch.setenv("SESSION_BACKEND", "redis")
        monkeypatch.setenv("REDIS_URL", redis_server.url)
        return invoke

    @pytest.fixture
    def alices(self, invoke: Invoke) -> list[Visitor]:
        app = create_app({"DEMO_ACCOUNTS": ACCOUNTS, "SECRET_KEY": SECRET})
        Visitor(app).logged_in("bob")
        return [Visitor(app).logged_in() for _ in range(2)]

    def test_the_list_is_of_every_account_or_of_one(
        self, invoke: Invoke, alices: list[Visitor], tmp_path: Path
    ) -> None:
        users = [each["owner"] for each in json.loads(invoke("sessions", "list", *JSON).stdout)]
        assert users == ["alice", "alice", "bob"]
        rows = json.loads(invoke("sessions", "list", "alice", *JSON).stdout)
        assert [row["owner"] for row in rows] == ["alice", "alice"]
        assert not [each.token for each in alices if each.token in json.dumps(rows)]

    def test_revoke_logs_out_and_says_so_in_the_log(
        self, invoke: Invoke, alices: list[Visitor]
    ) -> None:
        result = invoke("sessions", "revoke", "alice", "--all")
        assert (result.exit_code, result.stdout) == (0, "Sessions of alice ended: 2.\n")
        assert [visitor.is_in for visitor in alices] == [False, False]
        assert 'by="the command line"' in result.stderr


def test_a_store_that_is_down_is_one_line(tmp_path: Path) -> None:
    settings = {"SESSION_BACKEND": "redis", "REDIS_URL": "redis://127.0.0.1:1/0"}
    result = run_in(tmp_path, tmp_path, str(BIN / "session-lab"), "sessions", "list", **settings)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: session store unavailable: Redis: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [("list",), ("revoke", "alice", "--all"), ("check",)])
@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        ("", "No session backend is chosen. Set SESSION_BACKEND to one of: cookie, "),
        ("memcached", "SESSION_BACKEND: 'memcached' is not known. Choose one of: cookie, "),
        ("filesystem", "SESSION_FILE_DIR: there is no folder instance/sessions/filesystem"),
    ],
)
def test_sessions_that_cannot_be_found_are_one_line(
    invoke: Invoke,
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    expected: str,
    command: tuple[str, ...],
) -> None:
    monkeypatch.setenv("SESSION_BACKEND", backend)
    result = invoke("sessions", *command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {expected}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("backend", ["", *BACKENDS])
def test_no_command_on_sessions_leaves_a_folder(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, backend: str
) -> None:
    monkeypatch.delenv("ACCOUNTS_FILE")
    monkeypatch.setenv("SESSION_BACKEND", backend)
    for command in (
        ["list"],
        ["list", "alice"],
        ["revoke", "alice", "--all"],
        ["sweep"],
        ["check"],
    ):
        invoke("sessions", *command)
    assert not list(tmp_path.iterdir())


def test_sessions_are_those_of_the_server_in_this_folder(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSION_BACKEND", "filesystem")
    visitor = Visitor(create_app({"DEMO_ACCOUNTS": ACCOUNTS})).logged_in()
    assert [each["owner"] for each in json.loads(invoke("sessions", "list", *JSON).stdout)] == [
        "alice"
    ]
    assert "Logins:   work\n" in invoke("sessions", "check").stdout
    invoke("sessions", "revoke", "alice", "--all")
    assert not visitor.is_in


OURS = ["bench", "compare", "cookie", "plan", "run", "sessions"]


def test_help_lists_our_commands_and_none_of_a_library(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    install(site, "flask-thing", {"thing": THING}, {"thing": "thing:thing"}, "flask.commands")
    shown = run_in(tmp_path, site, str(BIN / "session-lab"), "--help")
    commands = shown.stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in commands if line[2:3].isalnum()] == OURS
    refused = run_in(tmp_path, site, str(BIN / "session-lab"), "thing")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.endswith("Error: No such command 'thing'.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["site-packages"]


def test_flask_lists_the_sessions_command_once(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    install(site, "flask-thing", {"thing": THING}, {"thing": "thing:thing"}, "flask.commands")
    (tmp_path / "shop.py").write_text("from flask import Flask\napp = Flask(__name__)\n")
    shown = run_in(tmp_path, site, str(BIN / "flask"), "--app", "shop", "--help")
    commands = shown.stdout.partition("Commands:\n")[2].splitlines()
    names = [line.split()[0] for line in commands if line[2:3].isalnum()]
    assert names == ["routes", "run", "sessions", "shell", "thing"]


THING = """
import click

@click.command()
def thing():
    "A command of a library."
"""


def run_in(
    folder: Path, site: Path, *command: str, **variables: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(site, PYTHONDONTWRITEBYTECODE="1", **variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
