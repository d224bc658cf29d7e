"""Figures as a cell of a table shows them."""

UNITS = ((86_400, "days"), (3_600, "h"), (60, "min"))
"""Seconds, and what so many are called."""


def number(value: int) -> str:
    """With a space that does not break between thousands: `4 096`."""
    return f"{value:,}".replace(",", "\u00a0")


def period(seconds: float) -> str:
    """In the largest unit of which there is at least one: `30 min`."""
    for length, name in UNITS:
        if seconds >= length:
            return f"{seconds / length:.3g} {name}"
    return f"{seconds:.0f} s"
