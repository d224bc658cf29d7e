"""The whole application on each backend, as the tests of requirements use it."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from backends import BUILT_IN, Backend
from tests.backends.places import placed_on
from tests.conftest import OURS, PRODUCTION, Where, make_session_lab
from tests.support.visitor import Visitor

MakeLab = Callable[..., Flask]

PROVEN = [(backend, "real") for backend in OURS if backend.name in BUILT_IN]
"""The backends that docs/requirements.md reports on, on a real server where they need one."""

on_one_backend = pytest.mark.parametrize("placed", PROVEN[:1], indirect=True, ids=["one"])
"""For what the application promises before any backend is asked."""


placed = placed_on(PROVEN)


@pytest.fixture
def make_lab(placed: tuple[Backend, Where]) -> MakeLab:
    """Make Session Lab on the backend, each time on the same store."""
    backend, where = placed

    def make(**config: Any) -> Flask:
        return make_session_lab(backend.name, **{"ADMINS": ["alice"], **where, **config})

    return make


@pytest.fixture
def lab(make_lab: MakeLab) -> Flask:
    return make_lab()


@pytest.fixture
def production(make_lab: MakeLab) -> Flask:
    """The production profile, on HTTPS."""
    return make_lab(**PRODUCTION)


@pytest.fixture
def alice(lab: Flask) -> Visitor:
    return Visitor(lab).logged_in("alice")
