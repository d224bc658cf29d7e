"""A run in processes: what one subject does wrong is no other's, nor is how it was started."""

import os

import pytest

from app.lab.claim import Verdict
from app.lab.compare import run_compare
from app.lab.experiments import CLAIMS
from app.lab.reports.report import ExitStatus
from backends import BACKENDS
from tests.lab import broken_subjects


@pytest.mark.usefixtures("untraced_processes")
def test_a_subject_that_fails_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")  # no redis-server
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # one process, and another when it has died
    for name in ("SESSION_BACKEND", "APP_PROFILE", "SESSION_IDLE_SECONDS", "SECRET_KEY"):
        monkeypatch.setenv(name, "invalid, and of no matter to a run")
    claim, make_app = CLAIMS["logout_is_final"], broken_subjects.make_broken_app
    with pytest.raises(SystemExit) as ended:
        run_compare(make_app, [claim.id], [], "table", None, in_chromium=False)
    output, errors = capsys.readouterr()
    assert ended.value.code == ExitStatus.ERROR
    rows = [line.split() for line in output.splitlines() if line.startswith(claim.id)]
    broken = ("cookie", "filesystem", "redis")
    outcomes = [
        Verdict.ERROR if name in broken else claim.expected_of(each, embedded=True)
        for name, each in BACKENDS.items()
    ]
    # Of two tables, one below the other.
    shown = [word for _, *verdicts in rows for word in verdicts]
    assert " ".join(shown) == " ".join(each.signed for each in outcomes)
    for reason in (
        "ConfigurationError: SECRET_KEY: it is not to its taste.",
        "Its process ended with status 7.",
        "RuntimeError: the login was answered 500",
    ):
        assert reason in " ".join(output.split())
        assert reason in " ".join(errors.split())
    assert "Again: session-lab compare --only logout_is_final\n" in output
    assert output.endswith("embedded in the process (fakeredis)\n")
    assert f"{len(BACKENDS) - 3} as expected, no surprises, 3 errors ·" in output
