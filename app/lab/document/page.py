"""The page `/lab/document`: every statement, and where it is true."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from flask import current_app, render_template, url_for

from app.lab.document.checked import CheckedStatement, TriedBy, check_statements, count_statements
from app.lab.document.statements import HEADINGS, UNMEASURED, Unmeasured, WhereToSee, find_place
from app.lab.reports.matrix import Matrix
from app.state import state_of


def render_page(matrix: Matrix) -> str:
    """The document with the verdicts of the matrix."""
    checked = check_statements(TriedBy(claim, matrix.row(claim)) for claim in matrix.claims)
    # In a line that has both, what no claim measures comes first in the document.
    both: list[Unmeasured | CheckedStatement] = [*UNMEASURED, *checked]
    rows = sorted(both, key=attrgetter("line"))
    parts = groupby(rows, lambda row: max(line for line in HEADINGS if line <= row.line))
    return render_template(
        "lab/document.html",
        matrix=matrix,
        parts=[(line, HEADINGS[line], list(said)) for line, said in parts],
        count=count_statements(checked),
        unmeasured=len(UNMEASURED),
        find_links=_find_links,
    )


def _find_links(names: Sequence[str]) -> list[tuple[str, str]]:
    """Addresses and labels of the places that this application has."""
    places = map(find_place, names)
    return [(address, place.label) for place in places if (address := _find_address(place))]


def _find_address(place: WhereToSee) -> str | None:
    """Where it is; side by side, in the first application that has it."""
    if place.endpoint in current_app.view_functions:
        return url_for(place.endpoint, **dict[str, Any](place.values))
    for mount, mounted in state_of(current_app).mounted.items():
        if place.endpoint in mounted.view_functions:
            return f"/{mount}{mounted.url_map.bind('').build(place.endpoint, place.values)}"
    return None
