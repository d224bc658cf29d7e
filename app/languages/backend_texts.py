"""What the backends say of themselves, for the catalogs: `backends` knows no languages."""

from collections.abc import Iterator
from typing import Any

from app.languages.texts import gettext
from backends import BUILT_IN, StoreUnavailable


def extract(*_: Any, **__: Any) -> Iterator[tuple[int, None, str, list[str]]]:
    """The texts, as `make languages` takes them: Babel's extraction method for this file."""
    for text in list_texts():
        yield 1, None, text, []


def list_texts() -> list[str]:
    """What the built-in backends and their answers say, each text once."""
    texts = (
        text
        for backend in BUILT_IN.values()
        for text in (backend.title, backend.several_servers, backend.survives_restart)
    )
    return [*dict.fromkeys(texts), str(StoreUnavailable("").description)]


def translate_backend_text(text: str) -> str:
    """A text of `backends` in the language of the page; one that is not listed as it is."""
    return gettext(text)
