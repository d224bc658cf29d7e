"""docs/commands.md: each of its commands is run, and prints what the page shows."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.backends.commands.conftest import FIREFOX
from tests.support.services import PATIENCE

pytestmark = pytest.mark.usefixtures("untraced_processes")

PAGE = Path(__file__).parents[3] / "docs" / "commands.md"

HANDLE = re.compile(r"\b[0-9a-f]{16}\b")

TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\dZ)?|\b\d{10}\.\d+")

LOGINS = f"""
import time
from shop import app
now = time.time()
for agent, age in (({FIREFOX!r}, 120), ("curl/8.5.0", 60)):
    time.time = lambda: now - age
    app.test_client().post("/login", data={{"user": "ada"}}, headers={{"User-Agent": agent}})
"""


class Shown(NamedTuple):
    """A command on the page, and what it prints there."""

    command: str
    output: str


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def run(folder: Path, *command: str) -> str:
    """Its standard output, and its standard error behind it."""
    ended = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    return ended.stdout + ended.stderr


def without_what_differs(output: str, folder: Path) -> str:
    return TIME.sub("TIME", HANDLE.sub("HANDLE", output.replace(str(folder), "/srv/shop")))


def test_each_command_prints_what_the_page_shows(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(blocks("python")[0])
    run(tmp_path, sys.executable, "-c", LOGINS)
    shown = [Shown(*block.removeprefix("$ ").split("\n", 1)) for block in blocks("console")]
    assert {each.command.split()[4] for each in shown} == {"list", "revoke", "sweep", "check"}
    handles = dict[str, str]()
    for each in shown:
        arguments = [handles.get(word, word) for word in each.command.split()]
        flask = str(Path(sys.executable).parent / arguments[0])
        output = run(tmp_path, flask, *arguments[1:])
        assert without_what_differs(output, tmp_path) == without_what_differs(each.output, tmp_path)
        handles |= zip(HANDLE.findall(each.output), HANDLE.findall(output), strict=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sessions", "shop.py"]
