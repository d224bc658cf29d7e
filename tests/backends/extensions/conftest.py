"""Extensions are tested as the contract is, at any speed of the machine."""

from pathlib import Path

import pytest

from backends import BACKENDS, Backend
from tests.conftest import Where, place

OF_EACH_KIND = [(BACKENDS[name], "real") for name in ("cookie", "filesystem", "redis")]
"""In the cookie, in a store, and in one that ends sessions itself: an extension sees no more."""


@pytest.fixture(autouse=True)
def time_limit(ample_time: None) -> None:
    """An outage here is one that a test makes."""


@pytest.fixture(params=OF_EACH_KIND, ids=[backend.name for backend, _ in OF_EACH_KIND])
def placed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Backend, Where]:
    return place(request, tmp_path)
