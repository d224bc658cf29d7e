"""The sections of the document, and the form of a statement that no claim measures."""

from typing import NamedTuple

from app.lab.document.places import WhereToSee

HEADINGS = {
    1: "Flask(__name__)",
    58: "1. Flask",
    77: "2. render_template",
    98: "3. session",
    130: "4. make_response",
    163: "5. request",
    186: "Sessions and Cookies",
    192: "Key Differences",
    203: "When to Use Cookies",
    218: "When to Use Sessions",
    234: "Best Practices",
}
"""By their lines, in order."""


class Unmeasured(NamedTuple):
    """A few words of a statement that no claim measures, and what is so."""

    line: int
    quote: str
    sentence: str
    places: tuple[WhereToSee, ...]
