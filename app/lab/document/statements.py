"""What the document says and no claim measures, from app/lab/data/document.toml."""

import msgspec

from app.lab.experiments import CLAIMS
from app.lab.measuring import DataText, read_data


class WhereToSee(DataText):
    """A page that shows something."""

    endpoint: str
    label: str
    """Its link."""
    values: dict[str, str] = msgspec.field(default_factory=dict)


class Unmeasured(DataText):
    """A few words of a statement that no claim measures, and what is so."""

    line: int
    quote: str
    fact: str
    see: list[str]
    """Names of places and ids of claims."""


class _Document(DataText):
    headings: dict[int, str]
    places: dict[str, WhereToSee]
    unmeasured: list[Unmeasured]


_DOCUMENT = read_data("document.toml", _Document)

HEADINGS = _DOCUMENT.headings
"""Those of its sections, by their lines."""

UNMEASURED = _DOCUMENT.unmeasured
"""In their order."""


def find_place(name: str) -> WhereToSee:
    """The place of that name, or the page of that claim, by its sentence."""
    if name in CLAIMS:
        return WhereToSee("lab.claim", CLAIMS[name].sentence, {"claim": name})
    return _DOCUMENT.places[name]
