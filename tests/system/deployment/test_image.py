"""The image: what goes into it and as whom it runs."""

import fnmatch
import re
import tomllib
from pathlib import Path

import pytest

from app.lab.stores.redis_server import PROGRAM
from tests.system.deployment.files import PROJECT, Image, read_image

LOCKS = ("requirements.lock", "requirements-dev.lock")


@pytest.fixture
def image() -> Image:
    return read_image()


def test_what_it_copies_is_there_and_reaches_the_build(image: Image) -> None:
    patterns = (PROJECT / ".dockerignore").read_text().split()
    for name in image.copied:
        assert (PROJECT / name).exists()
        assert not _is_ignored(name, patterns)


@pytest.mark.parametrize("name", [".git", ".venv", ".env", "instance", "tests"])
def test_secrets_and_sessions_do_not_reach_the_build(name: str) -> None:
    assert _is_ignored(name, (PROJECT / ".dockerignore").read_text().split())


def _is_ignored(name: str, patterns: list[str]) -> bool:
    """The last pattern that fits decides, and `!` brings back."""
    fitting = [pattern for pattern in patterns if fnmatch.fnmatch(name, pattern.removeprefix("!"))]
    return bool(fitting) and not fitting[-1].startswith("!")


def test_it_runs_as_a_user_who_may_write_the_sessions(image: Image) -> None:
    user = image.all("USER")[-1]
    made = " ".join(image.all("RUN"))
    volume = Path(image.environment["SESSION_FILE_DIR"]).parent
    assert user not in ("root", "0")
    assert re.search(rf"useradd .*\b{user}\b", made)
    assert re.search(rf"install --directory --owner {user} .*{volume}", made)


def test_it_has_the_redis_server_that_the_laboratory_starts(image: Image) -> None:
    assert re.search(rf"apt-get install .*\b{PROGRAM}\b", " ".join(image.all("RUN")))


def test_everything_installed_is_in_the_lock_with_its_hash(image: Image) -> None:
    installs = [run for run in image.all("RUN") if "pip install" in run]
    assert len(installs) == 1
    assert "--require-hashes" in installs[0]
    assert installs[0].endswith("-r requirements.lock")


def test_its_python_is_one_that_the_project_takes(image: Image) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    least = tuple(map(int, project["requires-python"].removeprefix(">=").split(".")))
    version = re.fullmatch(r"python:(\d+)\.(\d+)-slim", image.all("FROM")[0])
    assert version is not None
    assert tuple(map(int, version.groups())) >= least


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_and_hashes_every_package_and_names_no_host(name: str) -> None:
    text = (PROJECT / name).read_text()
    packages = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
    assert packages
    for package in packages:
        assert re.match(r"[a-z0-9._-]+==\S+", package)
        assert "--hash=sha256:" in package
    assert "://" not in text


def test_the_locks_hold_every_dependency() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    wanted = (project["project"]["dependencies"], project["dependency-groups"]["dev"])
    for name, dependencies in zip(LOCKS, wanted, strict=True):
        locked = set(re.findall(r"^([a-z0-9-]+)==", (PROJECT / name).read_text(), re.MULTILINE))
        assert {re.split(r"[^a-z0-9-]", dependency)[0] for dependency in dependencies} <= locked
