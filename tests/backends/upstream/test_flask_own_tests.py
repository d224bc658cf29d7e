"""Flask's own tests of its session, run with each backend on every application."""

import pytest

from tests.backends.upstream.suite import Outcomes, find_redis, list_differences, locate, run_suite
from tests.conftest import OURS

FILES = (
    *(f"tests/test_{name}.py" for name in ("basic", "session_interface", "testing", "reqctx")),
    "tests/test_templating.py::test_standard_context",  # the one with a session
)


ON_SERVER = "redis-server"
FLASK_SESSION = "flask-session-filesystem"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Outcomes:
    """Run Flask's tests on every backend of ours; without them the test is skipped.

    Redis is embedded where no server is installed.
    """
    source = locate("flask", "flask")
    url = find_redis(request)
    names = [ON_SERVER if url and each.on_redis else each.name for each in OURS]
    runs = ["plain", *names, FLASK_SESSION]
    found = run_suite(source, tmp_path_factory.mktemp("flask"), url, FILES, runs)
    return {**found, "redis": found[ON_SERVER]} if url else found


def test_flasks_tests_run_here(outcomes: Outcomes) -> None:
    """Otherwise a backend could equal a suite in which everything fails."""
    plain = outcomes["plain"]
    assert len(plain) > 160
    assert list(plain.values()).count("passed") > 0.98 * len(plain)


@pytest.mark.parametrize("backend", [backend.name for backend in OURS])
def test_flasks_tests_end_as_on_flasks_session(outcomes: Outcomes, backend: str) -> None:
    assert list_differences(outcomes, backend) == {}


def test_flasks_tests_tell_flask_session_apart(outcomes: Outcomes) -> None:
    """The reason for the backends here, and a proof that the plugin installs them."""
    assert "failed instead of passed" in list_differences(outcomes, FLASK_SESSION).values()
