"""The whole laboratory, once: every claim on every backend, on a machine that has only Python."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.lab.experiments import CLAIMS
from app.lab.reports.report import Report, parse_report, summarize
from app.lab.stores.redis_server import EMBEDDED
from backends import BACKENDS
from tests.support import processes
from tests.support.services import LabServer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it runs, and where its temporary files are."""
    return tmp_path_factory.mktemp("compare")


@pytest.fixture(scope="module")
def run(folder: Path) -> "subprocess.CompletedProcess[str]":
    """`session-lab compare` without a redis-server."""
    command = [str(Path(sys.executable).with_name("session-lab")), "compare", "--format", "json"]
    environment = {**LabServer(folder).environment, "PATH": "", "TMPDIR": str(folder)}
    return processes.run(command, folder, environment, timeout=None)


@pytest.fixture(scope="module")
def fresh(run: "subprocess.CompletedProcess[str]") -> Report:
    report = parse_report(run.stdout)
    print(summarize(report))
    return report


def test_everything_is_as_expected(run: "subprocess.CompletedProcess[str]", fresh: Report) -> None:
    """As in the published report, too: tests/lab/reports/test_publish.py."""
    assert run.returncode == 0, run.stderr
    assert len(fresh.results) == len(CLAIMS) * len(BACKENDS)
    assert fresh.circumstances.redis == EMBEDDED


def test_its_progress_names_every_claim(run: "subprocess.CompletedProcess[str]") -> None:
    lines = run.stderr.splitlines()
    assert set(CLAIMS) <= set(lines)
    assert "no surprises" in lines[-1]
    assert "\x1b" not in run.stderr
    assert max(map(len, lines[:-1])) <= 80


def test_it_leaves_no_file(run: "subprocess.CompletedProcess[str]", folder: Path) -> None:
    assert run.stdout
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("claim", "says"),
    [
        ("absolute_timeout", "read and written to at least every"),
        ("logout_survives_slow_request", "or writes to the session."),
        ("regenerate_survives_slow_request", "It cannot rotate a token."),
    ],
)
def test_a_backend_that_cannot_rotate_is_tried_without_it(
    claim: str, says: str, fresh: Report
) -> None:
    result = fresh.result(claim, "flask-cookie")
    assert result is not None
    assert says in result.because
