"""The commands of docs/auditing.md, run as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.subject import audited
from tests.lab.subject.served import load_app
from tests.support.process_group import PROJECT

PAGE = (PROJECT / "docs" / "auditing.md").read_text()
BLOCKS = re.findall(r"^```(sh)?\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
COMMANDS = [text for language, text in BLOCKS if language]
OUTPUT, REFUSAL = (text for language, text in BLOCKS if not language)

pytestmark = pytest.mark.usefixtures("untraced_processes")


@pytest.fixture
def flaskr(current_folder: Path) -> Path:
    """The current folder, with the applications of the page and an empty database of Flaskr."""
    (current_folder / "flaskr.py").write_text(audited.FLASKR)
    (current_folder / "single_page.py").write_text(audited.SINGLE_PAGE)
    load_app(audited.FLASKR).test_cli_runner().invoke(args=["init-db"])
    return current_folder


def register() -> None:
    account = {"username": "ada", "password": "engine"}
    load_app(audited.FLASKR).test_client().post("/auth/register", data=account)


def run(command: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    return subprocess.run(
        ["bash", "-c", command], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.usefixtures("flaskr")
def test_its_example_prints_what_it_shows() -> None:
    register()
    ended = run(COMMANDS[0])
    assert ended.returncode == 0, ended.stderr
    printed = "\n".join(line.rstrip() for line in ended.stdout.splitlines())
    for part in OUTPUT.split("…\n"):
        assert part in f"{printed}\n"


@pytest.mark.usefixtures("flaskr")
def test_a_missing_account_is_refused_as_it_shows() -> None:
    ended = run(COMMANDS[0])
    assert (ended.returncode, ended.stderr) == (2, REFUSAL)


@pytest.mark.usefixtures("flaskr")
def test_its_login_by_json_is_tried() -> None:
    # All claims are tried by the example above it.
    ended = run(f"{COMMANDS[1].rstrip()} --only hidden_from_script")
    assert ended.returncode == 0, ended.stderr
    assert "SESSION_COOKIE_HTTPONLY = True" in ended.stdout


@pytest.mark.usefixtures("flaskr")
def test_its_commands_for_ci_decide_by_the_verdict() -> None:
    register()
    assert run(COMMANDS[2]).returncode == 0
    assert run(COMMANDS[2].replace("hidden_from_script", "logout_is_final")).returncode == 1


@pytest.mark.parametrize("option", ["--login", "--field", "--private", "--logout", "--cookie"])
def test_it_names_each_option(option: str) -> None:
    assert f"| `{option}" in PAGE
