"""What is built is installed into empty environments, and works there."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.processes import PROJECT
from tests.support.services import RedisServer

UV = Path(sys.executable).with_name("uv")
MAX_PACKAGES = 10
"""Beside the backends themselves, without extras."""

SHOP = """
from flask import Flask, session
from backends import init_app

app = Flask(__name__)
app.config.update(SECRET_KEY="k" * 40, **{config!r})
init_app(app)

@app.get("/")
def visits() -> str:
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])

client = app.test_client()
print([client.get("/").text for _ in range(3)])
"""

Install = Callable[..., Path]


def run(*command: str | Path, folder: Path = PROJECT) -> "subprocess.CompletedProcess[str]":
    """Run it as somebody who has nothing of this project around."""
    own = ("PYTHONPATH", "VIRTUAL_ENV", "SESSION_BACKEND")
    environment = {name: value for name, value in os.environ.items() if name not in own}
    return processes.run(command, folder, environment)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution and the wheel that is built of it."""
    source, out = tmp_path_factory.mktemp("source") / "project", tmp_path_factory.mktemp("built")
    ignored = shutil.ignore_patterns(".*", "build", "instance", "*.egg-info", "__pycache__")
    shutil.copytree(PROJECT, source, ignore=ignored)
    ended = run(UV, "build", "--quiet", "--out-dir", out, source)
    if ended.returncode != 0 and "fetch" in ended.stderr:
        pytest.skip("no packages can be fetched here: setuptools is needed to build one")
    assert ended.returncode == 0, ended.stderr
    return out


@pytest.fixture(scope="module")
def install(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Make an empty environment with the wheel and these extras. Returns its folder of programs."""
    [wheel] = built.glob("*.whl")

    def make(extras: str = "") -> Path:
        folder = tmp_path_factory.mktemp("environment")
        run(UV, "venv", "--quiet", "--python", sys.executable, folder)
        python = folder / "bin/python"
        locked = ("--constraints", PROJECT / "requirements.lock")
        target = f"{wheel}{extras}"
        ended = run(UV, "pip", "install", "--quiet", "--python", python, *locked, target)
        assert ended.returncode == 0, ended.stderr
        return folder / "bin"

    return make


@pytest.fixture(scope="module")
def bare(install: Install) -> Path:
    return install()


@pytest.fixture(scope="module")
def whole(install: Install) -> Path:
    return install("[app]")


def serve(programs: Path, folder: Path, **config: str) -> "subprocess.CompletedProcess[str]":
    """Three visits of an application of somebody's own."""
    (folder / "shop.py").write_text(SHOP.format(config=config))
    return run(programs / "python", "shop.py", folder=folder)


def test_what_is_built_has_what_it_needs_and_nothing_else(built: Path) -> None:
    [wheel], [source] = built.glob("*.whl"), built.glob("*.tar.gz")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"app", "backends"}
    for needed in ("app/py.typed", "backends/py.typed", "app/templates/base.html"):
        assert needed in names
    assert any(name.endswith("messages.mo") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    with tarfile.open(source) as archive:
        assert any(name.endswith("/README.md") for name in archive.getnames())


def test_without_extras_it_brings_few_packages(bare: Path) -> None:
    listed = run(UV, "pip", "list", "--quiet", "--python", bare / "python").stdout.splitlines()[2:]
    assert len([line for line in listed if not line.startswith("session-lab")]) <= MAX_PACKAGES


def test_without_extras_an_application_runs(bare: Path, tmp_path: Path) -> None:
    sessions = str(tmp_path / "sessions")
    ended = serve(bare, tmp_path, SESSION_BACKEND="filesystem", SESSION_FILE_DIR=sessions)
    assert (ended.stderr, ended.stdout) == ("", "['1', '2', '3']\n")


def test_without_its_extra_redis_is_named(bare: Path, tmp_path: Path) -> None:
    ended = serve(bare, tmp_path, SESSION_BACKEND="redis", REDIS_URL="redis://127.0.0.1:1")
    assert "pip install './session-lab[redis]'" in ended.stderr.splitlines()[-1]


def test_without_the_application_its_command_names_the_extra(bare: Path, tmp_path: Path) -> None:
    for arguments in (["run"], ["compare", "--list"]):
        ended = run(bare / "session-lab", *arguments, folder=tmp_path)
        assert ended.returncode != 0
        [line] = ended.stderr.splitlines()
        assert "pip install './session-lab[app]'" in line
    assert list(tmp_path.iterdir()) == []


def test_its_version_is_that_of_the_project(whole: Path, tmp_path: Path) -> None:
    told = run(whole / "session-lab", "--version", folder=tmp_path).stdout
    assert told == f"session-lab {version('session-lab')}\n"


def test_an_application_runs_on_redis(
    whole: Path, tmp_path: Path, redis_server: RedisServer
) -> None:
    ended = serve(whole, tmp_path, SESSION_BACKEND="redis", REDIS_URL=redis_server.url)
    assert (ended.stderr, ended.stdout) == ("", "['1', '2', '3']\n")


def test_the_laboratory_tries_a_claim(whole: Path, tmp_path: Path) -> None:
    only = ("--only", "logout_is_final", "--backend", "cookie")
    ended = run(whole / "session-lab", "compare", *only, folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "1 as expected" in ended.stderr + ended.stdout
    assert list(tmp_path.iterdir()) == []
