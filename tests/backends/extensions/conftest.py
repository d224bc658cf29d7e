"""Extensions are tested as the contract is, at any speed of the machine."""

import pytest


@pytest.fixture(autouse=True)
def time_limit(ample_time: None) -> None:
    """An outage here is one that a test makes."""
