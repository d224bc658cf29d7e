"""The page `/lab/document`: every statement, and where it is true."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from flask import current_app, render_template, url_for

from app.lab.document.checked import CheckedStatement, TriedBy, check_statements, count_statements
from app.lab.document.places import WhereToSee
from app.lab.document.section import HEADINGS, Unmeasured
from app.lab.document.statements import UNMEASURED
from app.lab.experiments import CLAIMS
from app.lab.reports.matrix import Matrix
from app.state import state_of

Entry = CheckedStatement | Unmeasured


class StatementRow(NamedTuple):
    """A statement on the page: tried by claims, or with a sentence instead."""

    line: int
    quote: str
    anchor: str
    """Its `id`, of the first statement of each line; empty for the others."""
    checked: CheckedStatement | None = None
    sentence: str = ""
    links: Sequence[tuple[str, str]] = ()
    """Where to see it: address and label."""


class SectionRows(NamedTuple):
    """A section of the document with its rows."""

    line: int
    heading: str
    rows: Sequence[StatementRow]

    @property
    def is_tried(self) -> bool:
        """Whether a claim tries one of its statements."""
        return any(row.checked for row in self.rows)


def render_page(matrix: Matrix) -> str:
    """The document with the verdicts of the matrix."""
    checked = check_statements(TriedBy(claim, matrix.row(claim)) for claim in matrix.claims)
    return render_template(
        "lab/document.html",
        matrix=matrix,
        parts=list(_make_parts(checked)),
        count=count_statements(checked),
        unmeasured=len(UNMEASURED),
    )


def _make_parts(checked: Sequence[CheckedStatement]) -> Iterator[SectionRows]:
    # In a line that has both, what no claim measures comes first in the document.
    entries: list[Entry] = sorted([*UNMEASURED, *checked], key=_line_of)
    with_anchor: set[int] = set()
    for line, inside in groupby(entries, _find_section):
        yield SectionRows(line, HEADINGS[line], [_make_row(each, with_anchor) for each in inside])


def _find_section(entry: Entry) -> int:
    """The line of the heading above it."""
    return max(line for line in HEADINGS if line <= _line_of(entry))


def _line_of(entry: Entry) -> int:
    return entry.statement.line if isinstance(entry, CheckedStatement) else entry.line


def _make_row(entry: Entry, with_anchor: set[int]) -> StatementRow:
    """The entry's row; its line joins those that have an anchor."""
    line = _line_of(entry)
    anchor = "" if line in with_anchor else f"line-{line}"
    with_anchor.add(line)
    if isinstance(entry, CheckedStatement):
        return StatementRow(line, entry.statement.quote, anchor, checked=entry)
    links = list(_find_links(entry.places))
    return StatementRow(line, entry.quote, anchor, sentence=entry.sentence, links=links)


def _find_links(places: Sequence[WhereToSee]) -> Iterator[tuple[str, str]]:
    """Addresses and labels of the places that this application has."""
    for place in places:
        address = _find_address(place)
        if address is not None:
            yield address, place.label or CLAIMS[place.values["claim"]].sentence


def _find_address(place: WhereToSee) -> str | None:
    """Where it is; side by side, in the first application that has it."""
    values: dict[str, Any] = dict(place.values)
    if place.endpoint in current_app.view_functions:
        return url_for(place.endpoint, **values)
    for mount, mounted in state_of(current_app).mounted.items():
        if place.endpoint in mounted.view_functions:
            return f"/{mount}{mounted.url_map.bind('').build(place.endpoint, values)}"
    return None
