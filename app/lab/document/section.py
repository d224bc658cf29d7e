"""A section of the document, and what no claim measures in it."""

from typing import NamedTuple

from app.lab.document.places import WhereToSee


class Unmeasured(NamedTuple):
    """A few words of a statement that no claim measures, and what is so."""

    line: int
    quote: str
    sentence: str
    places: tuple[WhereToSee, ...]


class DocumentSection(NamedTuple):
    """A heading, its line, and what no claim measures below it."""

    heading: str
    line: int
    statements: tuple[Unmeasured, ...]
