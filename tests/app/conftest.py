"""The pages do not know their backend: here one of each kind of state stands for all.

The flow itself runs on every backend, in `test_flow.py`.
"""

from pathlib import Path

import pytest

from backends import Backend
from tests.conftest import OURS, Where, place

ONE_OF_EACH_STATE = {backend.state: (backend, "real") for backend in OURS if not backend.needs}


@pytest.fixture(params=list(ONE_OF_EACH_STATE.values()), ids=list(ONE_OF_EACH_STATE))
def placed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Backend, Where]:
    """A backend of each state."""
    return place(request, tmp_path)
