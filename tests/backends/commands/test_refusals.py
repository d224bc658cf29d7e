"""What is wrong with an application is one line of each command, and never a traceback."""

import logging
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from flask.cli import ScriptInfo

from backends import BUILT_IN, init_app, sqlite
from backends.commands import sessions
from backends.failure_log import FailureLog
from tests.conftest import SECRET

COMMANDS = [["list", "ada"], ["revoke", "ada", "--all"], ["sweep"], ["check"]]

each_command = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])


def run(app: Flask, command: list[str]) -> Result:
    return app.test_cli_runner().invoke(sessions, command)


def assert_is_one_line(result: Result, said: str) -> None:
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {said}")
    assert result.stderr.count("\n") == 1


@each_command
def test_an_application_without_a_backend(command: list[str]) -> None:
    assert_is_one_line(
        run(Flask("shop"), command),
        "The application 'shop' has no session backend of this package: "
        "call backends.init_app(app) where it is made.",
    )


@each_command
def test_an_application_whose_backend_is_left_open(command: list[str]) -> None:
    app = Flask("shop")
    app.config["SESSION_BACKEND"] = None
    said = "No session backend is chosen. Set SESSION_BACKEND to one of: cookie, "
    assert_is_one_line(run(app, command), said)


@each_command
def test_an_invalid_setting(command: list[str]) -> None:
    def create_app() -> Flask:
        app = Flask("shop")
        init_app(app, "memcached")
        return app

    runner = Flask("runner").test_cli_runner()
    result = runner.invoke(sessions, command, obj=ScriptInfo(create_app=create_app))
    assert_is_one_line(result, "SESSION_BACKEND=memcached is not known. Choose one of: ")


@each_command
def test_a_store_that_cannot_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """Also where nothing else would print what is logged of it."""
    monkeypatch.setattr(logging.getLogger("backends"), "propagate", False)
    monkeypatch.setattr(sqlite, "_failures", FailureLog(sqlite.logger))
    file = tmp_path / sqlite.FILE
    file.parent.mkdir()
    file.write_text("this is no database " * 100)

    def create_app() -> Flask:
        app = Flask("shop")
        app.config["SESSION_FILE_DIR"] = tmp_path
        init_app(app, "sqlite")
        return app

    runner = Flask("runner").test_cli_runner()
    result = runner.invoke(sessions, command, obj=ScriptInfo(create_app=create_app))
    assert_is_one_line(result, f"SESSION_FILE_DIR: session file {file}: file is not a database. ")


@pytest.mark.parametrize("command", COMMANDS[:2], ids=["list", "revoke"])
@pytest.mark.parametrize(
    "backend", [each.name for each in BUILT_IN.values() if each.stock or each.state == "browser"]
)
def test_a_backend_that_cannot_list(tmp_path: Path, backend: str, command: list[str]) -> None:
    app = Flask("shop")
    app.config.update(SECRET_KEY=SECRET, SESSION_OWNER="user", SESSION_FILE_DIR=tmp_path / "files")
    app.config["REDIS_URL"] = "redis://127.0.0.1:1/0"
    init_app(app, backend)
    assert_is_one_line(
        run(app, command),
        f"SESSION_BACKEND={backend} cannot tell whose a session is, so it lists and ends none. "
        "Those that can: filesystem, sqlite, redis.",
    )


@pytest.mark.parametrize("command", COMMANDS[:2], ids=["list", "revoke"])
def test_a_store_that_is_down(command: list[str]) -> None:
    app = Flask("shop")
    app.config.update(SECRET_KEY=SECRET, SESSION_OWNER="user", REDIS_URL="redis://127.0.0.1:1/0")
    init_app(app, "redis")
    result = run(app, command)
    assert_is_one_line(result, "session store unavailable: Redis: ")
    assert result.stderr.endswith(". Repair it and try again.\n")
