"""A language in which each translated text is in marks, so that the rest can be found."""

import re
from collections.abc import Iterator

import flask_babel
import pytest
from babel.support import NullTranslations
from bs4 import Tag
from bs4.element import NavigableString

from app.languages import forms
from tests.support.html import parse_page

OPEN, CLOSE = "⟦", "⟧"

UNREAD = ("script", "style", "svg", "code", "pre", "kbd")
"""Elements without sentences."""

SHOWN_ATTRIBUTES = ("alt", "title", "placeholder", "aria-label")

DATA = {
    *("Session", "Lab", "Redis", "alice", "bob", "New", "York", "Deutsch"),
    *("EUR", "USD", "GBP", "CHF", "UTC", "note", "txt", "script"),
    *("Mozilla", "Linux", "rv", "Gecko", "Firefox"),
}
"""Words of pages that are names, and the same in each language."""

_WORD = re.compile(r"[^\W\d_]{2,}")


class Marked(NullTranslations):
    """Puts each text in marks instead of translating it."""

    def gettext(self, message: str) -> str:
        return f"{OPEN}{message}{CLOSE}"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)

    ugettext = gettext
    ungettext = ngettext


def mark_texts(patch: pytest.MonkeyPatch) -> None:
    """Let the application and its forms speak that language, whatever is asked for."""
    patch.setattr(flask_babel.Domain, "get_translations", lambda self: Marked())
    patch.setattr(forms, "_load_messages", lambda language: Marked())


def find_unmarked(page: str) -> list[str]:
    """The words that a visitor reads, or hears, and that nothing has translated.

    Not those of another language than the page's, where the page says so.
    """
    html = parse_page(page).html
    assert html is not None
    texts = [" ".join(_texts_of(html, str(html["lang"]))), *_attributes_of(html, str(html["lang"]))]
    return [
        word for text in texts for word in _WORD.findall(_without_marked(text)) if word not in DATA
    ]


def _texts_of(element: Tag, language: str) -> Iterator[str]:
    for child in _read(element, language):
        if isinstance(child, Tag):
            yield from _texts_of(child, language)
        elif type(child) is NavigableString:  # not a comment
            yield child


def _attributes_of(element: Tag, language: str) -> Iterator[str]:
    names = [*SHOWN_ATTRIBUTES, *(["value"] if element.get("type") in ("submit", "button") else [])]
    yield from (str(element[name]) for name in names if element.has_attr(name))
    for child in _read(element, language):
        if isinstance(child, Tag):
            yield from _attributes_of(child, language)


def _read(element: Tag, language: str) -> Iterator[object]:
    for child in element.children:
        is_read = not isinstance(child, Tag) or child.name not in UNREAD
        if is_read and (not isinstance(child, Tag) or child.get("lang", language) == language):
            yield child


def _without_marked(text: str) -> str:
    """What is outside of all marks, which may be in one another."""
    depth, outside = 0, []
    for letter in text:
        depth += (letter == OPEN) - (letter == CLOSE)
        outside.append(letter if depth == 0 and letter != CLOSE else " ")
    assert depth == 0, text
    return "".join(outside)
