"""The tests of another project, run in a process of their own once for each backend."""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.processes import PROJECT, run
from tests.support.services import RedisServer

Outcomes = dict[str, dict[str, str]]
"""How each test ended, by the run and the test's id; the runs are those of the plugin."""


def locate(package: str, archive: str) -> Path:
    """The folder of the package's source; the test is skipped if it was not fetched.

    `archive` is the package's name as its source distribution spells it.
    """
    folder = PROJECT / ".cache" / "flask-tests" / f"{archive}-{version(package)}"
    if not folder.is_dir():
        pytest.skip(f"{archive}'s own tests are not here: make {folder.relative_to(PROJECT)}")
    return folder


def find_redis(request: pytest.FixtureRequest) -> str | None:
    """The address of the run's Redis, empty; `None` if redis-server is not installed."""
    if not shutil.which("redis-server"):
        return None
    redis: RedisServer = request.getfixturevalue("redis_server")
    redis.client().flushall()
    return redis.url


def run_suite(
    source: Path,
    folder: Path,
    redis_url: str | None,
    files: Sequence[str] = ("tests",),
    runs: Sequence[str] = (),
) -> Outcomes:
    """Run the files of `source` in those runs, or in all; sessions go to `folder`."""
    # Of our own environment as little as possible: no options of pytest, no coverage.
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROJECT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "UPSTREAM_FOLDER": str(folder),
        "UPSTREAM_RUNS": " ".join(runs),
        **({"REDIS_URL": redis_url} if redis_url else {}),
    }
    command = [
        *(sys.executable, "-m", "pytest", "-p", "tests.backends.upstream.plugin"),
        *("-p", "no:cacheprovider", f"--basetemp={folder / 'tmp'}"),
        *("--assert=plain", "--tb=line", "-q"),
        # Flask-Login 0.6.3 calls it, and its tests take a warning for a failure.
        *("-W", "ignore:datetime.datetime.utcnow:DeprecationWarning"),
        *files,
    ]
    ended = run(command, source, environment, timeout=None)
    print(ended.stdout, ended.stderr)
    found: Outcomes = json.loads((folder / "outcomes.json").read_text())
    return found


def list_differences(outcomes: Outcomes, run: str) -> dict[str, str]:
    """How each test ended that ends otherwise than in the plain run, by its id."""
    plain, found = outcomes["plain"], outcomes[run]
    return {
        test: f"{found.get(test)} instead of {plain.get(test)}"
        for test in sorted(plain.keys() | found.keys())
        if plain.get(test) != found.get(test)
    }
