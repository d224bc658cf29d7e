"""What the tests of foreign applications share."""

from collections.abc import Iterator

import pytest

from tests.lab.subject.served import ServedApp


@pytest.fixture(autouse=True, scope="module")
def served_apps() -> Iterator[None]:
    """Each application that this process serves ends with the tests of a module."""
    yield
    ServedApp.stop_all()
