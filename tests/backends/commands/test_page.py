"""docs/commands.md: each of its commands is run, and prints what the page shows."""

import re
import runpy
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
import time_machine
from click.testing import CliRunner
from flask.cli import cli as flask_command

from tests.backends.commands.conftest import FIREFOX
from tests.system.documents.documents import find_blocks

PAGE = "docs/commands.md"

HANDLE = re.compile(r"\b[0-9a-f]{16}\b")

TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\dZ)?|\b\d{10}\.\d+")


class Shown(NamedTuple):
    """A command on the page, and what it prints there."""

    command: str
    output: str


def without_what_differs(output: str, folder: Path) -> str:
    return TIME.sub("TIME", HANDLE.sub("HANDLE", output.replace(str(folder), "/srv/shop")))


def test_each_command_prints_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop.py").write_text(find_blocks(PAGE, "python")[0])
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setitem(sys.modules, "shop", ModuleType("shop"))
    del sys.modules["shop"]  # which the commands import, until the test ends
    app = runpy.run_path("shop.py", run_name="shop")["app"]
    for agent, age in ((FIREFOX, 120), ("curl/8.5.0", 60)):
        with time_machine.travel(time.time() - age):
            client = app.test_client()
            client.post("/login", data={"user": "ada"}, headers={"User-Agent": agent})
    blocks = find_blocks(PAGE, "console")
    shown = [Shown(*block.removeprefix("$ ").split("\n", 1)) for block in blocks]
    assert {each.command.split()[4] for each in shown} == {"list", "revoke", "sweep", "check"}
    handles = dict[str, str]()
    for each in shown:
        _, *arguments = (handles.get(word, word) for word in each.command.split())
        ended = CliRunner().invoke(flask_command, arguments, prog_name="flask")
        output = ended.stdout + ended.stderr
        assert without_what_differs(output, tmp_path) == without_what_differs(each.output, tmp_path)
        handles |= zip(HANDLE.findall(each.output), HANDLE.findall(output), strict=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sessions", "shop.py"]
