"""Applications and browsers for the contract of a session, on each backend."""

from functools import partial

import pytest
from flask import Flask

from backends.store import call_before
from tests.backends.contract.stage import MakeApp, Stage
from tests.backends.places import EACH, at_any_speed, placed_on
from tests.support.bare import Tab, Views, add_views

IDLE = 1800
LIMITS = {"PERMANENT_SESSION_LIFETIME": IDLE, "SESSION_ABSOLUTE_LIFETIME": 4 * IDLE}

placed, time_limit = placed_on(EACH), at_any_speed


@pytest.fixture
def stage(bare_app: Flask) -> Stage:
    return Stage(bare_app)


@pytest.fixture
def app(make_app: MakeApp, views: Views) -> Flask:
    return add_views(make_app(**LIMITS), views)


@pytest.fixture
def alice(app: Flask) -> Tab:
    return Tab(app).logged_in()


@pytest.fixture
def calls(app: Flask) -> list[str]:
    """Every read and write that the backend makes from now on, by its method."""
    made: list[str] = []
    for verb in ("_load", "_create", "_update", "_delete"):
        call_before(app.session_interface, verb, partial(made.append, verb))
    return made
