"""What is wrong with an application is one line of each command, and never a traceback."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.cli import ScriptInfo

from backends import BUILT_IN, sqlite
from backends.commands import sessions
from backends.failure_log import FailureLog
from tests.support.bare import make_bare

LISTERS = (["list", "ada"], ["revoke", "ada", "--all"])
COMMANDS = (*LISTERS, ["sweep"], ["check"])


def check(make: Callable[[], Flask], commands: Sequence[list[str]], said: str) -> None:
    """Each of the commands, which makes the application, is that one line."""
    for command in commands:
        runner = Flask("runner").test_cli_runner()
        result = runner.invoke(sessions, command, obj=ScriptInfo(create_app=make))
        assert (result.exit_code, result.stdout) == (1, "")
        begin, _, end = said.partition("…")
        assert result.stderr.startswith(f"Error: {begin}")
        assert result.stderr.endswith(f"{end}\n")
        assert result.stderr.count("\n") == 1


def on(backend: str, **config: Any) -> Flask:
    where = {"SESSION_FILE_DIR": "files", "REDIS_URL": "redis://127.0.0.1:1/0"}
    return make_bare(backend, **{"SESSION_OWNER": "user", **where, **config})


def left_open() -> Flask:
    app = Flask("shop")
    app.config["SESSION_BACKEND"] = None
    return app


UNABLE = [each.name for each in BUILT_IN.values() if each.stock or each.state == "browser"]
WRONG: list[tuple[Callable[[], Flask], Sequence[list[str]], str]] = [
    (
        *(partial(Flask, "shop"), COMMANDS),
        "The application 'shop' has no session backend of this package: call backends.init_app(app)"
        " where it is made.",
    ),
    (left_open, COMMANDS, "No session backend is chosen. Set SESSION_BACKEND to one of: cookie, "),
    (partial(on, "tape"), COMMANDS, "SESSION_BACKEND=tape is not known. Choose one of: "),
    (
        *(partial(on, "filesystem", SESSION_OWNER=None), LISTERS),
        "SESSION_OWNER is not set, so nobody's sessions",
    ),
    (
        partial(on, "redis"),
        LISTERS,
        "session store unavailable: Redis: …. Repair it and try again.",
    ),
    *(
        (
            *(partial(on, name), LISTERS),
            f"SESSION_BACKEND={name} cannot tell whose a session is, so it lists and ends none. "
            "Those that can: filesystem, sqlite, redis.",
        )
        for name in UNABLE
    ),
]


@pytest.mark.parametrize(("make", "commands", "said"), WRONG)
def test_what_is_wrong_is_one_line(
    make: Callable[[], Flask],
    commands: Sequence[list[str]],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    check(make, commands, said)


def test_a_store_that_cannot_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where nothing else would print what is logged of it."""
    monkeypatch.setattr(logging.getLogger("backends"), "propagate", False)
    file = tmp_path / sqlite.FILE
    file.parent.mkdir()
    file.write_text("this is no database " * 100)
    said = f"SESSION_FILE_DIR: session file {file}: file is not a database. "
    for command in COMMANDS:
        monkeypatch.setattr(sqlite, "_failures", FailureLog(sqlite.logger))
        check(lambda: on("sqlite", SESSION_FILE_DIR=tmp_path), [command], said)
