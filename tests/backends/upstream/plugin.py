"""A pytest plugin for Flask's tests: installs a backend, records the outcomes.

`UPSTREAM_BACKEND` names the backend, and nothing is installed without it; `UPSTREAM_FOLDER` takes
the sessions and `outcomes.json`; `REDIS_URL` is the Redis, embedded where it is unset.
"""

import functools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _pytest.monkeypatch
import fakeredis
import pytest
from flask import Flask

from backends import init_app

# pytest 9 renamed what the conftest of Flask 3.1.3 still reads under its old name.
_pytest.monkeypatch.notset = _pytest.monkeypatch.NOTSET  # type: ignore[attr-defined]  # the old one

FOLDER = Path(os.environ["UPSTREAM_FOLDER"])

outcomes: dict[str, str] = {}


def pytest_configure() -> None:
    if backend := os.environ.get("UPSTREAM_BACKEND"):
        Flask.__init__ = _installing(backend, Flask.__init__)  # type: ignore[method-assign]  # for all of this run


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Record the outcome of the call, or of a setup or teardown that failed."""
    if report.when == "call" or report.outcome != "passed":
        outcomes[report.nodeid] = report.outcome


def pytest_sessionfinish() -> None:
    (FOLDER / "outcomes.json").write_text(json.dumps(outcomes))


def _installing(backend: str, original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def init(app: Flask, *args: Any, **kwargs: Any) -> None:
        original(app, *args, **kwargs)
        # An application that brings sessions of its own tests those.
        if type(app).session_interface is Flask.session_interface:
            app.config.from_mapping(_where())
            init_app(app, backend)

    return init


def _where() -> dict[str, Any]:
    url = os.environ.get("REDIS_URL")
    redis = {"REDIS_URL": url} if url else {"SESSION_REDIS": fakeredis.FakeRedis()}
    return {"SESSION_FILE_DIR": FOLDER / "sessions", **redis}
