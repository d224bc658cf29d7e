"""REQUIRE_SERVICES=1 turns a skip into a failure that says what to install."""

from typing import Literal

import pytest

from tests.conftest import pytest_runtest_makereport
from tests.support.services import left_to_it

MISSING = "nginx is not installed: apt-get install nginx-light"


def make_report(outcome: Literal["passed", "skipped"], why: str = MISSING) -> pytest.TestReport:
    """A report of that outcome, as the run gets it."""
    longrepr = ("test_page.py", 1, f"Skipped: {why}")
    given = pytest.TestReport("page", ("", 0, ""), {}, outcome, longrepr, "setup")
    hook = pytest_runtest_makereport()
    next(hook)
    with pytest.raises(StopIteration) as ended:
        hook.send(given)
    report: pytest.TestReport = ended.value.value
    return report


def test_a_skip_is_a_failure_that_says_what_to_do_unless_it_is_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUIRE_SERVICES", "1")
    report = make_report("skipped")
    assert report.failed
    assert "apt-get install nginx-light" in str(report.longrepr)
    with pytest.raises(pytest.skip.Exception) as skipped:
        left_to_it("this store lists no sessions")
    assert make_report("skipped", str(skipped.value)).skipped
    assert make_report("passed").passed
    monkeypatch.delenv("REQUIRE_SERVICES")
    assert make_report("skipped").skipped
