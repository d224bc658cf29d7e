"""Flask's own tests of its session, run with each backend on every application."""

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from backends import BACKENDS, Backend
from tests.conftest import OURS
from tests.support.services import RedisServer

PROJECT = Path(__file__).parents[3]
FLASK = PROJECT / ".cache" / "flask-tests" / f"flask-{version('flask')}"
FILES = (
    "tests/test_basic.py",
    "tests/test_session_interface.py",
    "tests/test_testing.py",
    "tests/test_reqctx.py",
    "tests/test_templating.py",
)

Outcomes = dict[str, dict[str, str]]
"""How each test ended, by the run and the test's id; the runs are those of the plugin."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Outcomes:
    """Run Flask's tests on every backend; without them the test is skipped."""
    if not FLASK.is_dir():
        pytest.skip(f"Flask's own tests are not here: make {FLASK.relative_to(PROJECT)}")
    folder = tmp_path_factory.mktemp("flask")
    # Of our own environment as little as possible: no options of pytest, no coverage.
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROJECT),
        "PYTHONPYCACHEPREFIX": str(tmp_path_factory.mktemp("bytecode")),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "UPSTREAM_FOLDER": str(folder),
    }
    if shutil.which("redis-server"):
        redis: RedisServer = request.getfixturevalue("redis_server")
        redis.client().flushall()
        environment["REDIS_URL"] = redis.url
    process = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "tests.backends.upstream.plugin"),
            *("-p", "no:cacheprovider", f"--basetemp={folder / 'tmp'}"),
            *("--assert=plain", "--tb=line", "-q"),
            *FILES,
        ],
        cwd=FLASK,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(process.stdout)
    found: Outcomes = json.loads((folder / "outcomes.json").read_text())
    return found


def differences(outcomes: Outcomes, run: str) -> list[str]:
    """The tests that end otherwise than in the plain run, a line each."""
    plain, found = outcomes["plain"], outcomes[run]
    return [
        f"{test}: {found.get(test)} instead of {plain.get(test)}"
        for test in sorted(plain.keys() | found.keys())
        if plain.get(test) != found.get(test)
    ]


def test_flasks_tests_run_here(outcomes: Outcomes) -> None:
    """Otherwise a backend could equal a suite in which everything fails."""
    plain = outcomes["plain"]
    assert len(plain) > 200
    assert list(plain.values()).count("passed") > 0.98 * len(plain)


@pytest.mark.parametrize("backend", OURS, ids=lambda backend: backend.name)
def test_flasks_tests_end_as_on_flasks_session(outcomes: Outcomes, backend: Backend) -> None:
    assert differences(outcomes, backend.name) == []


@pytest.mark.usefixtures("redis_server")
def test_flasks_tests_end_so_on_a_redis(outcomes: Outcomes) -> None:
    assert differences(outcomes, "redis-server") == []


STOCK = [backend for backend in BACKENDS.values() if backend.stock]


@pytest.mark.parametrize("backend", STOCK, ids=lambda backend: backend.name)
def test_flasks_tests_tell_flask_session_apart(outcomes: Outcomes, backend: Backend) -> None:
    """The reason for the backends here, and a proof that the plugin installs them."""
    found = differences(outcomes, backend.name)
    assert any(line.endswith(": failed instead of passed") for line in found), found
