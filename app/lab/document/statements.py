"""What the document says and no claim measures, from app/lab/data/document.toml."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.lab.experiments import CLAIMS
from app.lab.measuring import read_data


@dataclass(frozen=True)
class WhereToSee:
    """A page that shows something."""

    endpoint: str
    label: str
    """Its link."""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Unmeasured:
    """A few words of a statement that no claim measures, and what is so."""

    line: int
    quote: str
    fact: str
    see: list[str]
    """Names of places and ids of claims."""


@dataclass(frozen=True)
class _Document:
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
