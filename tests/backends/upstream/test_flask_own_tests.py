"""Flask's own tests of its session, run with each backend on every application."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
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

Outcomes = dict[str, str]
"""How each test ended, by its id."""

Run = Callable[..., Outcomes]


@pytest.fixture(scope="session")
def flask_tests() -> Path:
    """The unpacked source of Flask; without it the test is skipped."""
    if not FLASK.is_dir():
        pytest.skip(f"Flask's own tests are not here: make {FLASK.relative_to(PROJECT)}")
    return FLASK


@pytest.fixture(scope="session")
def run(flask_tests: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run Flask's tests, on a backend if one is named, and say how each ended."""
    bytecode = tmp_path_factory.mktemp("bytecode")

    def run(backend: Backend | None = None, redis_url: str = "") -> Outcomes:
        folder = tmp_path_factory.mktemp("flask")
        # Of our own environment as little as possible: no options of pytest, no coverage.
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(PROJECT),
            "PYTHONPYCACHEPREFIX": str(bytecode),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "UPSTREAM_FOLDER": str(folder),
            "UPSTREAM_BACKEND": backend.name if backend else "",
            "REDIS_URL": redis_url,
        }
        process = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-p", "tests.backends.upstream.plugin"),
                *("-p", "no:cacheprovider", f"--basetemp={folder / 'tmp'}"),
                *("--assert=plain", "--tb=line", "-q"),
                *FILES,
            ],
            cwd=flask_tests,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        print(process.stdout)
        outcomes: Outcomes = json.loads((folder / "outcomes.json").read_text())
        return outcomes

    return run


@pytest.fixture(scope="session")
def plain(run: Run) -> Outcomes:
    """Flask's tests on Flask's own session."""
    return run()


def differences(outcomes: Outcomes, plain: Outcomes) -> list[str]:
    """The tests that end otherwise than in the plain run, a line each."""
    return [
        f"{test}: {outcomes.get(test)} instead of {plain.get(test)}"
        for test in sorted(plain.keys() | outcomes.keys())
        if plain.get(test) != outcomes.get(test)
    ]


def test_flasks_tests_run_here(plain: Outcomes) -> None:
    """Otherwise a backend could equal a suite in which everything fails."""
    assert len(plain) > 200
    assert list(plain.values()).count("passed") > 0.98 * len(plain)


@pytest.mark.parametrize("backend", OURS, ids=lambda backend: backend.name)
def test_flasks_tests_end_as_on_flasks_session(backend: Backend, run: Run, plain: Outcomes) -> None:
    assert differences(run(backend), plain) == []


def test_flasks_tests_end_so_on_a_redis(
    redis_server: RedisServer, run: Run, plain: Outcomes
) -> None:
    redis_server.client().flushall()
    assert differences(run(BACKENDS["redis"], redis_server.url), plain) == []


STOCK = [backend for backend in BACKENDS.values() if backend.stock]


@pytest.mark.parametrize("backend", STOCK, ids=lambda backend: backend.name)
def test_flasks_tests_tell_flask_session_apart(backend: Backend, run: Run, plain: Outcomes) -> None:
    """The reason for the backends here, and a proof that the plugin installs them."""
    found = differences(run(backend), plain)
    assert any(line.endswith(": failed instead of passed") for line in found), found
