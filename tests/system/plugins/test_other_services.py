"""A backend that needs another service than Redis."""

from dataclasses import replace
from pathlib import Path

import pytest

from app import create_app
from app.config import is_embedded
from app.lab.claim import Finding, Verdict
from app.lab.experiments import CLAIMS
from app.lab.runs.runner import try_claim
from app.lab.subject.application import Subject
from app.lab.subject.source import BackendSource, RunOptions
from backends import BACKENDS, BUILT_IN, Backend
from tests.conftest import PRODUCTION, make_session_lab
from tests.system.plugins.packages import install
from tests.system.plugins.test_installed_backends import python

pytestmark = pytest.mark.usefixtures("untraced_processes")

CODE = """
from backends import BUILT_IN, Backend, StoreUnavailable

def check(app):
    raise StoreUnavailable("connection refused")

BACKEND = Backend(
    name="tables", title="Tables", install=BUILT_IN["filesystem"].install, needs="PostgreSQL",
    check=check,
)
"""


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Backend:
    like = BUILT_IN["filesystem"].install
    backend = Backend(name="tables", title="Tables", install=like, needs="PostgreSQL")
    monkeypatch.setitem(BACKENDS, backend.name, backend)
    return backend


def test_it_is_not_replaced_by_the_embedded_redis(tables: Backend, tmp_path: Path) -> None:
    settings = {**PRODUCTION, "WEB_CONCURRENCY": 2, "SESSION_FILE_DIR": tmp_path}
    app = make_session_lab(tables.name, **settings)
    assert not is_embedded(app.config)


def test_a_missing_service_ends_the_start_with_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "site-packages"
    install(folder, "tables-package", {"tables": CODE}, {"tables": "tables:BACKEND"})
    ended = python(folder, "-m", "app", "run", SESSION_BACKEND="tables")
    assert ended.stderr == (
        "session-lab: PostgreSQL, which Tables needs, cannot be used: connection refused. "
        "Start it.\n"
    )


@pytest.mark.parametrize(
    "act", ["record_operations", "records", "overwrite", "stopped", "frozen", "disk_full"]
)
def test_what_the_lab_cannot_do_is_skipped(tables: Backend, act: str) -> None:
    def experiment(subject: Subject) -> Finding:
        alice = subject.log_in_visitor()
        subject.advance_time(1)
        subject.restart()
        assert alice.is_logged_in
        getattr(subject.store, act)(*(("x", b"") if act == "overwrite" else ()))
        raise AssertionError

    claim = replace(CLAIMS["parallel_writes_survive"], experiment=experiment)
    result = try_claim(claim, BackendSource(tables.name, RunOptions(create_app)))
    says = "The laboratory has no way to look into PostgreSQL, or to stop it."
    assert (result.verdict, result.because) == (Verdict.SKIPPED, says)
