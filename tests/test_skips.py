"""REQUIRE_SERVICES=1: whoever wants every test run is told what one of them needs."""

from typing import Literal

import pytest

from tests.conftest import pytest_runtest_makereport


def reported(outcome: Literal["passed", "skipped"]) -> pytest.TestReport:
    """A report of that outcome, as the run gets it."""
    why = ("test_page.py", 1, "Skipped: nginx is not installed: apt-get install nginx-light")
    given = pytest.TestReport("page", ("", 0, ""), {}, outcome, why, "setup")
    hook = pytest_runtest_makereport()
    next(hook)
    with pytest.raises(StopIteration) as ended:
        hook.send(given)
    report: pytest.TestReport = ended.value.value
    return report


def test_a_skip_is_a_failure_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUIRE_SERVICES", "1")
    report = reported("skipped")
    assert report.failed
    assert "apt-get install nginx-light" in str(report.longrepr)


def test_without_it_a_skip_is_a_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUIRE_SERVICES", raising=False)
    assert reported("skipped").skipped


def test_what_passed_stays_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUIRE_SERVICES", "1")
    assert reported("passed").passed
