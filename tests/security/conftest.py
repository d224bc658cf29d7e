"""The application as the acceptance tests meet it, on every backend."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import create_app
from backends import BUILT_IN, Backend
from tests.conftest import ACCOUNTS, OURS, SECRET, SetClock, Where, place
from tests.security.people import Person
from tests.security.promises import Promise

MakeLab = Callable[..., Flask]

PROVEN = [backend for backend in OURS if backend.name in BUILT_IN]
"""Those that SECURITY.md speaks of; some of these tests reach into their stores."""

PRODUCTION = {"APP_PROFILE": "production", "PREFERRED_URL_SCHEME": "https"}


@pytest.fixture(
    params=[(backend, "real") for backend in PROVEN], ids=[backend.name for backend in PROVEN]
)
def placed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Backend, Where]:
    """Each backend of ours, on a real server where it needs one: what is embedded proves less."""
    return place(request, tmp_path)


@pytest.fixture
def make_lab(placed: tuple[Backend, Where], clock: SetClock) -> MakeLab:
    """Make Session Lab on the backend, each time on the same store."""
    backend, where = placed
    # The ready client of the fixture is used; the address only keeps the application's own away.
    address = {"REDIS_URL": "redis://localhost"} if "SESSION_REDIS" in where else {}

    def make(**config: Any) -> Flask:
        settings = {
            "SESSION_BACKEND": backend.name,
            "SECRET_KEY": SECRET,
            "DEMO_ACCOUNTS": ACCOUNTS,
            "ADMINS": ["alice"],
        }
        return create_app({**settings, **address, **where, **config}, clock)

    return make


@pytest.fixture
def lab(make_lab: MakeLab) -> Flask:
    return make_lab()


@pytest.fixture
def production(make_lab: MakeLab) -> Flask:
    """The production profile, on HTTPS."""
    return make_lab(**PRODUCTION)


@pytest.fixture
def alice(lab: Flask) -> Person:
    return Person(lab).in_as("alice")


@pytest.fixture
def bob(lab: Flask) -> Person:
    return Person(lab).in_as("bob")


@pytest.fixture
def promise(request: pytest.FixtureRequest) -> Promise:
    """What this test declares by `covers`."""
    found: Promise = request.function.promise
    return found


@pytest.fixture
def holds(promise: Promise, backend: Backend) -> bool:
    """Whether this backend keeps what the test promises, by what it declares about itself."""
    return promise.holds_on(backend)
