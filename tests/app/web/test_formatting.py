"""Durations and numbers as pages show them."""

import pytest

from app.web.formatting import format_duration, format_number


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (1.9, "1 second"),
        (300, "5 minutes"),
        (1798, "29 minutes and 58 seconds"),
        (28_800, "8 hours"),
        (14 * 86_400, "14 days"),
    ],
)
def test_a_duration_is_in_whole_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_thousands_have_a_comma() -> None:
    assert format_number(1_234_567) == "1,234,567"
