"""What the backends say of themselves, for the catalogs: `backends` knows no languages."""

from collections.abc import Iterator
from typing import Any

from backends import BUILT_IN, StoreUnavailable


def extract(*_: Any, **__: Any) -> Iterator[tuple[int, None, str, list[str]]]:
    """The texts of the built-in backends and of their answers.

    `make languages` takes them: it is Babel's extraction method for this file.
    """
    for backend in BUILT_IN.values():
        for text in (backend.title, backend.several_servers, backend.survives_restart):
            yield 1, None, text, []
    yield 1, None, str(StoreUnavailable("").description), []
