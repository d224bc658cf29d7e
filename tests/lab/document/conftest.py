"""The page of the document, of an installation whose last run is made up."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from app import create_app
from app.lab.reports.report import Report
from app.lab.runs.background import BackgroundRunner, RunFiles
from tests.conftest import ACCOUNTS, SECRET
from tests.support.html import parse_page

ShowDocument = Callable[..., BeautifulSoup]


@pytest.fixture
def make_app(tmp_path: Path) -> Callable[..., Any]:
    """An application with the laboratory, whose last run had this report."""

    def make(report: Report, **settings: Any) -> Any:
        given = {"SECRET_KEY": SECRET, "DEMO_ACCOUNTS": ACCOUNTS, "LAB": True}
        kept = {"SESSION_BACKEND": "cookie", "SESSION_FILE_DIR": tmp_path / "sessions"}
        app = create_app({**given, **kept, **settings})
        folder = tmp_path / "lab"
        folder.mkdir(exist_ok=True)
        RunFiles(folder).save_report(report)
        app.extensions["lab_runs"] = BackgroundRunner(folder)
        return app

    return make


@pytest.fixture
def show(make_app: Callable[..., Any]) -> ShowDocument:
    """The page with the verdicts of this report."""

    def show(report: Report, **settings: Any) -> BeautifulSoup:
        answer = make_app(report, **settings).test_client().get("/lab/document")
        assert answer.status_code == 200
        return parse_page(answer.text)

    return show
