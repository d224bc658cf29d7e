"""Flask's extensions answer on each backend as they do on Flask's own session."""

from functools import partial

import pytest
from flask import Flask

from backends import Backend, init_app
from tests.backends.extensions import (
    flask_login_scenarios,
    flask_socketio_scenarios,
    flask_wtf_scenarios,
)
from tests.backends.extensions.differences import check_differences, find_differences
from tests.backends.extensions.meant_differences import MEANT
from tests.backends.extensions.recording import Answer
from tests.conftest import OURS, Where

SCENARIOS = {
    scenario.name: scenario
    for module in (flask_login_scenarios, flask_wtf_scenarios, flask_socketio_scenarios)
    for scenario in module.SCENARIOS
}


Plain = dict[str, dict[str, Answer]]


def install(app: Flask, backend: str, where: Where) -> None:
    app.config.update(where)
    init_app(app, backend)


@pytest.fixture(scope="module")
def plain() -> Plain:
    """The answers on Flask's own session, by the scenario's name."""
    return {name: scenario.record(lambda app: None) for name, scenario in SCENARIOS.items()}


@pytest.mark.parametrize("name", SCENARIOS)
def test_an_extension_answers_as_on_flasks_session(
    name: str, plain: Plain, placed: tuple[Backend, Where]
) -> None:
    backend, where = placed
    found = SCENARIOS[name].record(partial(install, backend=backend.name, where=where))
    check_differences(find_differences(plain[name], found), name, backend.name, MEANT)


def test_no_scenario_has_the_name_of_another() -> None:
    modules = (flask_login_scenarios, flask_wtf_scenarios, flask_socketio_scenarios)
    assert len(SCENARIOS) == sum(len(module.SCENARIOS) for module in modules)


def test_each_meant_difference_is_looked_for() -> None:
    """One in a scenario or on a backend that does not exist would never be missed."""
    assert {row.scenario for row in MEANT} <= SCENARIOS.keys()
    ours = {backend.name for backend in OURS}
    assert all(row.backends and row.differences and row.backends <= ours for row in MEANT)
