"""What the long trials have in common: they print what they find."""

from collections.abc import Callable

import pytest

Say = Callable[..., None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Print figures by their names, whatever pytest captures."""

    def out_loud(what: str, **figures: object) -> None:
        with capsys.disabled():
            print(f"\n  {what}: " + ", ".join(f"{name} {value}" for name, value in figures.items()))

    return out_loud
