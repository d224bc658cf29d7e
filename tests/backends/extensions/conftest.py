"""Extensions are tested as the contract is, at any speed of the machine."""

import pytest

from backends import BACKENDS
from tests.backends.places import placed_on

OF_EACH_KIND = [(BACKENDS[name], "real") for name in ("cookie", "filesystem", "redis")]
"""In the cookie, in a store, and in one that ends sessions itself: an extension sees no more."""


@pytest.fixture(autouse=True)
def time_limit(ample_time: None) -> None:
    """An outage here is one that a test makes."""


placed = placed_on(OF_EACH_KIND)
