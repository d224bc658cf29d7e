"""Flask's own tests of its session, run with each backend on every application."""

import pytest

from backends import BACKENDS, Backend
from tests.backends.upstream.suite import (
    Outcomes,
    find_redis,
    list_differences,
    locate_source,
    run_suite,
)
from tests.conftest import OURS

FILES = (
    "tests/test_basic.py",
    "tests/test_session_interface.py",
    "tests/test_testing.py",
    "tests/test_reqctx.py",
    "tests/test_templating.py",
)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Outcomes:
    """Run Flask's tests on every backend; without them the test is skipped."""
    source = locate_source("flask", "flask")
    return run_suite(source, tmp_path_factory.mktemp("flask"), find_redis(request), FILES)


def test_flasks_tests_run_here(outcomes: Outcomes) -> None:
    """Otherwise a backend could equal a suite in which everything fails."""
    plain = outcomes["plain"]
    assert len(plain) > 200
    assert list(plain.values()).count("passed") > 0.98 * len(plain)


@pytest.mark.parametrize(
    "backend", [*OURS, BACKENDS["flask-cookie"]], ids=lambda backend: backend.name
)
def test_flasks_tests_end_as_on_flasks_session(outcomes: Outcomes, backend: Backend) -> None:
    assert list_differences(outcomes, backend.name) == {}


@pytest.mark.usefixtures("redis_server")
def test_flasks_tests_end_so_on_a_redis(outcomes: Outcomes) -> None:
    assert list_differences(outcomes, "redis-server") == {}


FLASK_SESSION = [
    backend for backend in BACKENDS.values() if backend.stock and backend.state == "server"
]


@pytest.mark.parametrize("backend", FLASK_SESSION, ids=lambda backend: backend.name)
def test_flasks_tests_tell_flask_session_apart(outcomes: Outcomes, backend: Backend) -> None:
    """The reason for the backends here, and a proof that the plugin installs them."""
    assert "failed instead of passed" in list_differences(outcomes, backend.name).values()
