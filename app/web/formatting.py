"""Durations, numbers and times as people read them, in the language of the page."""

from datetime import UTC, datetime

from flask_babel import format_date, format_time
from humanize import intcomma, precisedelta
from humanize.i18n import activate
from jinja2 import Environment

from app.languages.language import page_language

HUMANIZE_LOCALES = {"de": "de_DE"}
"""Its names of our languages; it needs none for English."""


def add_filters(environment: Environment) -> None:
    """Let templates write `|number`, `|duration`, `|moment` and `|time`."""
    environment.filters.update(
        number=format_number, duration=format_duration, moment=moment, time=format_moment
    )


def format_duration(seconds: float) -> str:
    """In whole units, the fraction of a second left out: `29 minutes and 58 seconds`."""
    _speak_language_of_page()
    return precisedelta(int(seconds), format="%d")


def moment(seconds: float) -> datetime:
    """The time in UTC that is so many seconds after the epoch."""
    return datetime.fromtimestamp(seconds, UTC)


def format_moment(at: datetime) -> str:
    """Date and time to the minute: `Jan 5, 2026, 14:03 UTC`."""
    return f"{format_date(at, 'medium')}, {format_time(at, 'HH:mm')} UTC"


def format_number(value: int) -> str:
    """With a mark between the thousands: `4,096`."""
    _speak_language_of_page()
    return intcomma(value)


def _speak_language_of_page() -> None:
    # The library keeps its language for each thread, and a thread has visitors of all languages.
    activate(HUMANIZE_LOCALES.get(page_language()))
