"""Every command that a document shows works, and every link leads somewhere."""

import os
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import pytest

import backends
from app.__main__ import session_lab
from app.config import read_settings
from tests.support.processes import run
from tests.support.services import LabServer
from tests.system.documents.documents import DOCUMENTS, ROOT, find_commands

ELSEWHERE = {"auditing.md", "commands.md"}
"""Documents whose commands a test of their own runs."""

EXAMPLES = {"tiny"}
"""The backend of docs/own-store.md, which tests/system/plugins installs."""

RUN = {
    "session-lab plan --users 10000 --size 500 --requests 50 --hours 8",
    "python3 -c 'import secrets; print(secrets.token_hex(32))'",
}
"""Run here as they stand. Of the others, which take minutes or have tests, the options are read."""

READ = [str(path.relative_to(ROOT)) for path in DOCUMENTS if path.name not in ELSEWHERE]
COMMANDS = sorted({command for document in READ for command in find_commands(document)})

PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
"""With the commands of this environment first."""

pytestmark = pytest.mark.usefixtures("untraced_processes")


def split(command: str) -> tuple[dict[str, str], list[str]]:
    """The variables before a command, and its words."""
    words = shlex.split(command)
    count = next((i for i, word in enumerate(words) if "=" not in word), len(words))
    return dict(word.split("=", 1) for word in words[:count]), words[count:]


def check_make(variables: Mapping[str, str], targets: list[str]) -> None:
    """The target is there, and the application takes the variables."""
    described = re.findall(r"^(\w+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(targets) <= set(described)
    if targets == ["run"] and variables.get("SESSION_BACKEND") not in EXAMPLES:
        assert read_settings(variables).keys() >= variables.keys()


def check_own(words: list[str]) -> None:
    """The command and its options are there."""
    group = click.Context(session_lab, info_name="session-lab")
    name, command, rest = session_lab.resolve_command(group, words)
    assert command is not None
    taken = [word for word in rest if word not in EXAMPLES]
    if taken != rest:
        taken.remove("--backend")
    if isinstance(command, click.Group):
        _, command, taken = command.resolve_command(group, taken)
        assert command is not None
    command.make_context(name, taken, parent=group)


def check_python(words: list[str]) -> None:
    """It runs tests that are there, or a module."""
    assert words[:2] == ["-m", "pytest"]
    assert (ROOT / words[2]).exists()


def check(command: str) -> None:
    variables, words = split(command)
    program = Path(words[0]).name if words else ""
    if program == "make":
        check_make(variables, words[1:])
    elif program == "session-lab":
        check_own(words[1:])
    elif program == "python":
        check_python(words[1:])
    elif program == "docker":
        assert words[1] == "compose"
        compose = (ROOT / "docker-compose.yml").read_text()
        profiles = [words[i + 1] for i, word in enumerate(words) if word == "--profile"]
        assert all(f"profiles: [{profile}]" in compose for profile in profiles)
    elif program == "apt-get":
        assert set(words[2:]) <= set(re.findall(r"[\w-]+", (ROOT / ".ci/run").read_text()))
    else:
        assert command in RUN or program in ("pip", "export", "git"), "no test knows this command"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_there_with_its_options(command: str) -> None:
    check(command)


@pytest.mark.parametrize("command", sorted(RUN))
def test_a_short_command_runs_as_it_stands(command: str, tmp_path: Path) -> None:
    assert any(shown.removeprefix(".venv/bin/") == command for shown in COMMANDS)
    ended = run(["sh", "-c", command], tmp_path, {**os.environ, "PATH": PATH})
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip()
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_production_block_starts_at_the_first_try(tmp_path: Path) -> None:
    lines = find_commands("docs/deploying.md")
    block = [line for line in lines if line.startswith("export ")]
    assert [line for line in lines if line.endswith("session-lab run")]
    script = "\n".join([*block, "exec python -m app run"]).replace(".venv/bin/python", "python")
    variables = {"PATH": PATH, "PYTHONPATH": str(ROOT)}
    with LabServer(tmp_path, variables, ("sh", "-c", script)) as server:
        assert "Filesystem" in server.greeting


LINK = re.compile(r"\]\(([^)\s]+)\)")


def headings(document: Path) -> set[str]:
    """The anchors that a host makes of the headings."""
    found = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in found}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    dead = []
    for link in LINK.findall(document.read_text()):
        target, _, anchor = link.partition("#")
        if target.startswith(("http:", "https:")):
            continue
        path = (document.parent / target).resolve() if target else document
        if not path.exists() or (anchor and anchor not in headings(path)):
            dead.append(link)
    assert dead == []


def test_every_document_is_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        if document in reached:
            continue
        reached.add(document)
        links = [link.partition("#")[0] for link in LINK.findall(document.read_text())]
        files = [(document.parent / link).resolve() for link in links if link.endswith(".md")]
        waiting += [path for path in files if path.exists()]
    assert set(DOCUMENTS) - reached == set()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


PAGE = (ROOT / "docs/public-api.md").read_text()


def test_the_names_of_the_page_are_those_of_the_package() -> None:
    table = PAGE.partition("| name |")[2].partition("\n\n")[0]
    named = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in table.splitlines()[2:]]
    assert sorted(name for row in named for name in row) == sorted(backends.__all__)
