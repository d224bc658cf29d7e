"""What is wrong with an application is one line of each command, and never a traceback."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask.cli import ScriptInfo

from backends import BUILT_IN, sqlite
from backends.commands import sessions
from backends.failure_log import FailureLog
from tests.backends.commands.conftest import run
from tests.support.bare import make_bare

LISTERS = (["list", "ada"], ["revoke", "ada", "--all"])
COMMANDS = (*LISTERS, ["sweep"], ["check"])


def assert_is_one_line(result: Result, said: str) -> None:
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {said}")
    assert result.stderr.count("\n") == 1


def start(make: Callable[[], Flask], command: list[str]) -> Result:
    """Call the command, which makes the application."""
    runner = Flask("runner").test_cli_runner()
    return runner.invoke(sessions, command, obj=ScriptInfo(create_app=make))


def on(backend: str, **config: Any) -> Flask:
    return make_bare(backend, SESSION_OWNER="user", **config)


def test_an_application_without_a_backend_or_with_none_chosen() -> None:
    without, left_open = Flask("shop"), Flask("shop")
    left_open.config["SESSION_BACKEND"] = None
    for command in COMMANDS:
        assert_is_one_line(
            run(without, *command),
            "The application 'shop' has no session backend of this package: "
            "call backends.init_app(app) where it is made.",
        )
        said = "No session backend is chosen. Set SESSION_BACKEND to one of: cookie, "
        assert_is_one_line(run(left_open, *command), said)


def test_an_invalid_setting() -> None:
    for command in COMMANDS:
        result = start(lambda: on("memcached"), command)
        assert_is_one_line(result, "SESSION_BACKEND=memcached is not known. Choose one of: ")


def test_a_store_that_cannot_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where nothing else would print what is logged of it."""
    monkeypatch.setattr(logging.getLogger("backends"), "propagate", False)
    file = tmp_path / sqlite.FILE
    file.parent.mkdir()
    file.write_text("this is no database " * 100)
    for command in COMMANDS:
        monkeypatch.setattr(sqlite, "_failures", FailureLog(sqlite.logger))
        result = start(lambda: on("sqlite", SESSION_FILE_DIR=tmp_path), command)
        said = f"SESSION_FILE_DIR: session file {file}: file is not a database. "
        assert_is_one_line(result, said)


@pytest.mark.parametrize(
    "backend", [each.name for each in BUILT_IN.values() if each.stock or each.state == "browser"]
)
def test_a_backend_that_cannot_list(tmp_path: Path, backend: str) -> None:
    where = {"SESSION_FILE_DIR": tmp_path / "files", "REDIS_URL": "redis://127.0.0.1:1/0"}
    app = on(backend, **where)
    for command in LISTERS:
        assert_is_one_line(
            run(app, *command),
            f"SESSION_BACKEND={backend} cannot tell whose a session is, so it lists and ends none. "
            "Those that can: filesystem, sqlite, redis.",
        )


def test_a_store_that_is_down() -> None:
    for command in LISTERS:
        result = run(on("redis", REDIS_URL="redis://127.0.0.1:1/0"), *command)
        assert_is_one_line(result, "session store unavailable: Redis: ")
        assert result.stderr.endswith(". Repair it and try again.\n")
