"""What the tests of the laboratory's pages share, and those of `session-lab compare`."""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.lab import compare
from app.lab.claim import Claim
from app.lab.reports.report import Report, Result
from app.lab.runs import runner
from app.lab.runs.background import BackgroundRunner
from app.lab.runs.runner import SubjectSource
from app.lab.subject.source import RunOptions
from tests.conftest import make_session_lab

SetReport = Callable[[Report], dict[str, Any]]
"""Makes the command write this report instead of running; the arguments of the run come later."""


def make_lab(runs: Path | None = None, **settings: Any) -> Flask:
    """An application with the laboratory; its runs are in this folder."""
    app = make_session_lab(**{"LAB": True, **settings})
    if runs:
        app.extensions["lab_runs"] = BackgroundRunner(runs)
    return app


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A browser at an application with the laboratory, in which nothing was run."""
    return make_lab(tmp_path_factory.mktemp("runs")).test_client()


@pytest.fixture
def current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def set_report(monkeypatch: pytest.MonkeyPatch) -> SetReport:
    def set_to(report: Report) -> dict[str, Any]:
        asked: dict[str, Any] = {}

        def run(claims: Any, backends: Any, options: RunOptions, *_: Any, **__: Any) -> Report:
            asked.update(claims=claims, backends=backends, options=options)
            return report

        monkeypatch.setattr(compare, "compare", run)
        return asked

    return set_to


def stay_in_process(patch: pytest.MonkeyPatch) -> None:
    """Experiments run in this process: a process for them takes seconds to start."""

    def run(claims: Sequence[Claim], sources: Sequence[SubjectSource]) -> Iterator[Result]:
        for claim, source in product(claims, sources):
            yield runner.try_claim(claim, source)

    patch.setattr(runner, "run_claims", run)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    stay_in_process(monkeypatch)
