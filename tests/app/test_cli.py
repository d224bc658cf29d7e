"""The commands, by every way in."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask, session

from app import create_app
from app.__main__ import session_lab
from backends import init_app
from tests.conftest import SECRET
from tests.services import PATIENCE, LabServer

BIN = Path(sys.executable).parent

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Call `session-lab` inside this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SESSION_BACKEND", "cookie")
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


@pytest.mark.parametrize("value", ["", "nonsense", "a.b.c", "ZG9n"])
def test_what_holds_no_session_is_said_to_hold_none(value: str, invoke: Invoke) -> None:
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


def test_help_lists_every_command(invoke: Invoke) -> None:
    result = invoke("--help")
    assert result.exit_code == 0
    assert {"cookie", "run"} <= set(result.stdout.split())


def test_help_is_given_with_a_setting_that_cannot_be(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSION_BACKEND", "memcached")
    result = invoke("--help")
    assert result.exit_code == 0
    assert "Usage: session-lab" in result.stdout
    assert "'memcached' is not known" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        (str(BIN / "session-lab"),),
        (sys.executable, "-m", "app"),
        (str(BIN / "flask"), "--app", "app"),
    ],
    ids=["session-lab", "python -m app", "flask --app app"],
)
def test_every_way_in_offers_the_same_commands(
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
