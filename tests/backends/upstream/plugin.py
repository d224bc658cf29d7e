"""A pytest plugin for tests of Flask and its extensions: runs each on every backend.

It records how each test ended. `UPSTREAM_FOLDER` takes the sessions and `outcomes.json`;
`REDIS_URL` is the Redis of the last run, which is left out without it; `UPSTREAM_RUNS` names the
runs if not all are asked for. All runs share one process: to load pytest and Flask costs as much as
the tests do.
"""

import functools
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import _pytest.monkeypatch
import fakeredis
import pytest
from _pytest.runner import runtestprotocol
from flask import Flask

from app.web.compiled import CompiledRule
from backends import BACKENDS, init_app

# pytest 9 renamed what the conftest of Flask 3.1.3 still reads under its old name.
_pytest.monkeypatch.notset = _pytest.monkeypatch.NOTSET  # type: ignore[attr-defined]  # the old one

FOLDER = Path(os.environ["UPSTREAM_FOLDER"])
REDIS_URL = os.environ.get("REDIS_URL")

PLAIN = "plain"
"""The tests on Flask's own session."""
ON_REDIS = "redis-server"
"""The redis backend on a real Redis; on the others it is embedded."""
ASKED_FOR = os.environ.get("UPSTREAM_RUNS")
RUNS = ASKED_FOR.split() if ASKED_FOR else [PLAIN, *BACKENDS, *([ON_REDIS] if REDIS_URL else [])]

outcomes: dict[str, dict[str, str]] = defaultdict(dict)
"""How each test ended, by the run and the test's id."""


@contextmanager
def install(run: str) -> Iterator[None]:
    """Install the backend of a run on every application that is made meanwhile."""
    original = Flask.__init__

    @functools.wraps(original)
    def init(app: Flask, *args: Any, **kwargs: Any) -> None:
        original(app, *args, **kwargs)
        # An application that brings sessions of its own tests those.
        if type(app).session_interface is Flask.session_interface:
            redis = {"SESSION_REDIS": fakeredis.FakeRedis()}
            app.config.from_mapping({"REDIS_URL": REDIS_URL} if run == ON_REDIS else redis)
            app.config["SESSION_FILE_DIR"] = FOLDER / run
            init_app(app, "redis" if run == ON_REDIS else run)

    with pytest.MonkeyPatch.context() as patch:
        if run != PLAIN:
            patch.setattr(Flask, "__init__", init)
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Run all tests once for each run.

    No fixture has the runs as its parameters: the test cases of unittest take none.
    """
    if session.testsfailed:
        raise session.Interrupted("some files cannot be imported")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "url_rule_class", CompiledRule)
        for run in RUNS:
            with install(run):
                for item, following in zip(session.items, [*session.items[1:], None], strict=True):
                    for report in runtestprotocol(item, nextitem=following):
                        record(run, report)
    return True


def record(run: str, report: pytest.TestReport) -> None:
    """Record the outcome of the call, or of a setup or teardown that did not pass."""
    if report.when == "call" or report.outcome != "passed":
        outcomes[run][report.nodeid] = report.outcome


def pytest_sessionfinish() -> None:
    (FOLDER / "outcomes.json").write_text(json.dumps(outcomes))
