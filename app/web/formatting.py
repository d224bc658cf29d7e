"""Durations and numbers as people read them."""

from datetime import UTC, datetime

from humanize import intcomma, precisedelta
from jinja2 import Environment


def add_filters(environment: Environment) -> None:
    """Let templates write `count|number`, `length|duration` and `seconds|moment`."""
    environment.filters["number"] = format_number
    environment.filters["duration"] = format_duration
    environment.filters["moment"] = moment


def format_duration(seconds: float) -> str:
    """In whole units, the fraction of a second left out: `29 minutes and 58 seconds`."""
    return precisedelta(int(seconds), format="%d")


def moment(seconds: float) -> datetime:
    """The time in UTC that is so many seconds after the epoch."""
    return datetime.fromtimestamp(seconds, UTC)


def format_number(value: int) -> str:
    """With a comma between the thousands: `4,096`."""
    return intcomma(value)
