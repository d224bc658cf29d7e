"""The pages do not know their backend: here files stand for all.

What each page keeps is tried on every backend in `test_every_backend.py`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from backends import BACKENDS, Backend
from tests.conftest import PRODUCTION, Where, make_session_lab, place
from tests.support.visitor import Visitor

MakeLab = Callable[..., Flask]

FILES = (BACKENDS["filesystem"], "real")

on_each_state = pytest.mark.parametrize(
    "placed", [(BACKENDS["cookie"], "real"), FILES], indirect=True, ids=["browser", "server"]
)
"""For what depends on where the session is."""


@pytest.fixture(params=[FILES], ids=["files"])
def placed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Backend, Where]:
    return place(request, tmp_path)


@pytest.fixture
def make_lab(tmp_path: Path) -> MakeLab:
    """Make Session Lab on the signed cookie, or as the settings say."""

    def make(backend: str | None = "cookie", in_production: bool = False, **more: Any) -> Flask:
        profile = PRODUCTION if in_production else {}
        return make_session_lab(backend, **{"SESSION_FILE_DIR": tmp_path, **profile, **more})

    return make


@pytest.fixture
def alice(lab_app: Flask) -> Visitor:
    """Logged in; she is an administrator, too."""
    return Visitor(lab_app).logged_in()


@pytest.fixture
def bob(lab_app: Flask) -> Visitor:
    return Visitor(lab_app).logged_in("bob")
