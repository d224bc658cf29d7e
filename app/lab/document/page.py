"""The page `/lab/document`: every statement, and where it is true."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from flask import current_app, render_template, url_for

from app.lab.document.checked import CheckedStatement, TriedBy, check_statements, count_statements
from app.lab.document.places import WhereToSee
from app.lab.document.section import HEADINGS
from app.lab.document.statements import UNMEASURED
from app.lab.reports.matrix import Matrix
from app.state import state_of


class StatementRow(NamedTuple):
    """A statement on the page: tried by claims, or with a sentence instead."""

    line: int
    quote: str
    checked: CheckedStatement | None = None
    sentence: str = ""
    links: Sequence[tuple[str, str]] = ()
    """Where to see it: address and label."""


class SectionRows(NamedTuple):
    """A section of the document with its rows."""

    line: int
    heading: str
    rows: Sequence[StatementRow]


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
    for line, rows in groupby(_make_rows(checked), _find_section):
        yield SectionRows(line, HEADINGS[line], list(rows))


def _make_rows(checked: Sequence[CheckedStatement]) -> list[StatementRow]:
    unmeasured = [
        StatementRow(each.line, each.quote, sentence=each.sentence, links=_find_links(each.places))
        for each in UNMEASURED
    ]
    tried = [StatementRow(each.statement.line, each.statement.quote, each) for each in checked]
    # In a line that has both, what no claim measures comes first in the document.
    return sorted([*unmeasured, *tried], key=attrgetter("line"))


def _find_section(row: StatementRow) -> int:
    """The line of the heading above it."""
    return max(line for line in HEADINGS if line <= row.line)


def _find_links(places: Sequence[WhereToSee]) -> list[tuple[str, str]]:
    """Addresses and labels of the places that this application has."""
    return [(address, place.label) for place in places if (address := _find_address(place))]


def _find_address(place: WhereToSee) -> str | None:
    """Where it is; side by side, in the first application that has it."""
    values: dict[str, Any] = dict(place.values)
    if place.endpoint in current_app.view_functions:
        return url_for(place.endpoint, **values)
    for mount, mounted in state_of(current_app).mounted.items():
        if place.endpoint in mounted.view_functions:
            return f"/{mount}{mounted.url_map.bind('').build(place.endpoint, values)}"
    return None
