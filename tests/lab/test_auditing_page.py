"""The commands of docs/auditing.md, called as they stand there."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.__main__ import session_lab
from app.lab.subject import external
from tests.lab.subject import audited
from tests.lab.subject.served import ServedApp, load_app
from tests.support.processes import PROJECT

PAGE = (PROJECT / "docs" / "auditing.md").read_text()
BLOCKS = re.findall(r"^```(sh)?\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
EXAMPLE, JSON, CI = (text for language, text in BLOCKS if language)
OUTPUT, REFUSAL = (text for language, text in BLOCKS if not language)


@pytest.fixture(autouse=True)
def flaskr(
    current_folder: Path, in_process: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """This process serves the applications of the page; the database of Flaskr is empty."""
    monkeypatch.setattr(external, "ExternalApp", ServedApp)
    (current_folder / "flaskr.py").write_text(audited.FLASKR)
    (current_folder / "single_page.py").write_text(audited.SINGLE_PAGE)
    load_app(audited.FLASKR).test_cli_runner().invoke(args=["init-db"])
    yield
    ServedApp.stop_all()


def register() -> None:
    account = {"username": "ada", "password": "engine"}
    load_app(audited.FLASKR).test_client().post("/auth/register", data=account)


def run(command: str) -> Result:
    program, *arguments = shlex.split(command.replace("\\\n", ""))
    assert program == "session-lab"
    return CliRunner().invoke(session_lab, arguments)


def test_its_example_prints_what_it_shows() -> None:
    register()
    ended = run(EXAMPLE)
    assert ended.exit_code == 0, ended.stderr
    printed = "\n".join(line.rstrip() for line in ended.stdout.splitlines())
    for part in OUTPUT.split("…\n"):
        assert part in f"{printed}\n"


def test_a_missing_account_is_refused_as_it_shows() -> None:
    ended = run(EXAMPLE)
    assert (ended.exit_code, ended.stderr) == (2, REFUSAL)


def test_its_login_by_json_is_tried() -> None:
    # All claims are tried by the example above it.
    ended = run(f"{JSON.rstrip()} --only hidden_from_script")
    assert ended.exit_code == 0, ended.stderr
    assert "SESSION_COOKIE_HTTPONLY = True" in ended.stdout


@pytest.mark.parametrize(("claim", "status"), [("hidden_from_script", 0), ("logout_is_final", 1)])
def test_its_commands_for_ci_decide_by_the_verdict(claim: str, status: int) -> None:
    register()
    audit, look = CI.replace("hidden_from_script", claim).rsplit("\n", 2)[:2]
    assert run(audit).exit_code == 0
    assert subprocess.run(["bash", "-c", look], check=False).returncode == status


def test_it_names_each_option() -> None:
    for option in ("--login", "--field", "--private", "--logout", "--cookie"):
        assert f"| `{option}" in PAGE
