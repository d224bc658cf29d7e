"""Flask-Login's and Flask-WTF's own tests, on Flask's session and on every backend.

`make soak` runs them; `make test` does not collect this file, and tries the extensions in
applications of our own: tests/backends/extensions.
"""

import pytest

from backends import BACKENDS
from tests.backends.upstream.suite import Outcomes, find_redis, list_differences, locate, run_suite
from tests.conftest import OURS

ARCHIVES = {"flask-login": "Flask-Login", "flask-wtf": "flask_wtf"}
"""The packages, and how their source distributions spell their names."""

MIN_TESTS = {"flask-login": 100, "flask-wtf": 70}

STOCK_STORES = [each.name for each in BACKENDS.values() if each.stock and each.revocable]
"""Flask's own cookie, which is stock too, is what all are compared with."""

STOCK_FAILURES = {
    "flask-login": {
        "tests/test_login.py::CustomTestClientTestCase::test_session_protection_modes",
        "tests/test_login.py::LoginTestCase::test_session_protection_strong_deletes_session",
    },
    "flask-wtf": set(),
}
"""The tests that fail on Flask-Session."""


@pytest.fixture(scope="module", params=ARCHIVES)
def suite(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Outcomes]:
    """A package, and the outcomes of its own tests."""
    package: str = request.param
    source = locate(package, ARCHIVES[package])
    return package, run_suite(source, tmp_path_factory.mktemp(package), find_redis(request))


def test_the_tests_of_an_extension_run_here(suite: tuple[str, Outcomes]) -> None:
    """Otherwise a backend could equal a suite in which everything fails."""
    package, outcomes = suite
    plain = list(outcomes["plain"].values())
    assert len(plain) >= MIN_TESTS[package]
    assert plain.count("failed") == 0
    assert plain.count("skipped") < 0.05 * len(plain)


@pytest.mark.parametrize("run", [*(backend.name for backend in OURS), "redis-server"])
def test_the_tests_of_an_extension_end_as_on_flasks_session(
    suite: tuple[str, Outcomes], run: str, request: pytest.FixtureRequest
) -> None:
    """No test is excepted: none of them reads what is in the session's cookie."""
    if run == "redis-server":
        request.getfixturevalue("redis_server")
    assert list_differences(suite[1], run) == {}


@pytest.mark.parametrize("run", STOCK_STORES)
def test_flask_session_is_told_apart(suite: tuple[str, Outcomes], run: str) -> None:
    """A proof that the plugin installs the backends."""
    package, outcomes = suite
    assert list_differences(outcomes, run).keys() == STOCK_FAILURES[package]
