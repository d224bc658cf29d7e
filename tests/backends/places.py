"""Where the tests of sessions keep them: on every backend, or on one of each class."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from backends import BUILT_IN, Backend
from tests.conftest import PLACES, Where, place

Places = Sequence[tuple[Backend, str]]

EACH = [(backend, kind) for backend, kind in PLACES if kind == "real"]
"""Every backend, on a real service if it needs one: for what a backend's own code decides."""

_FIRST = {backend.state: (backend, kind) for backend, kind in reversed(EACH)}
"""The first backend that keeps sessions in the browser, and the first that does on the server."""

CLASSES = [
    (backend, kind)
    for backend, kind in EACH
    if (backend, kind) in _FIRST.values() or backend.name not in BUILT_IN
]
"""One of each state, and what packages bring: for what is decided in code that all share."""

STORES = [(backend, kind) for backend, kind in EACH if backend.revocable]
"""Those that can end a session: for what a store decides."""

A_STORE = [(backend, kind) for backend, kind in CLASSES if backend.revocable]


def placed_on(places: Places) -> Any:
    """The fixture `placed` for a folder's `conftest.py`."""

    @pytest.fixture(params=places, ids=_name)
    def placed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Backend, Where]:
        return place(request, tmp_path)

    return placed


@pytest.fixture(autouse=True)
def at_any_speed(ample_time: None) -> None:
    """For a folder's `conftest.py`: none of its tests depends on the machine's speed."""


def only_on(places: Places) -> pytest.MarkDecorator:
    """These places instead of the folder's."""
    return pytest.mark.parametrize("placed", places, indirect=True, ids=_name)


def _name(place: tuple[Backend, str]) -> str:
    return place[0].name
