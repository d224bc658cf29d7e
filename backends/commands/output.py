"""How the commands print: tables, times, and text that cannot steer a terminal."""

import json
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

import click


def make_printable(text: str) -> str:
    """The text without what a terminal would obey or could not write."""
    return "".join(filter(str.isprintable, text))


def escape_unprintable(text: str) -> str:
    """The text with such characters as JSON escapes them, but for the ends of its lines."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1]
        for letter in text
    )


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody sits there; a stream that was closed (`<&-`) is `None`."""
    return stream is not None and stream.isatty()


def format_minute(seconds: float) -> str:
    """The time in UTC for a table, as in `2027-01-31 09:30`."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"


def format_time(seconds: float) -> str:
    """The time in UTC by ISO 8601, as in `2027-01-31T09:30:00Z`."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def print_json(value: Any) -> None:
    """Print the value as JSON in ASCII."""
    click.echo(json.dumps(value, indent=2))


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print the rows in columns; by a pager if a terminal's screen is too small for them."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    is_watched = is_terminal(sys.stdin) and is_terminal(sys.stdout)
    if is_watched and len(lines) >= shutil.get_terminal_size().lines:
        click.echo_via_pager("\n".join(lines) + "\n")
    else:
        click.echo("\n".join(lines))
