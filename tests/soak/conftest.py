"""The long trials print their figures."""

from collections.abc import Callable

import pytest

Say = Callable[..., None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """A function that prints figures, although pytest captures output."""

    def print_figures(what: str, **figures: object) -> None:
        with capsys.disabled():
            print(f"\n  {what}: " + ", ".join(f"{name} {value}" for name, value in figures.items()))

    return print_figures
