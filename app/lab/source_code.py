"""The line of code that decides a claim, found where it is installed."""

import inspect
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from app.lab.claim import Code

AROUND = 3
"""Lines that are shown before and after it."""


class SourceLine(NamedTuple):
    file: str
    """From the package's folder on: `backends/cookie.py`."""
    number: int
    excerpt: list[tuple[int, str]]
    """Numbered lines around it, and itself."""


@lru_cache(maxsize=512)
def locate(code: Code) -> SourceLine:
    """Raises `LookupError` where there is no such object, or no such line in it."""
    found = _function_of(_resolved(code.where))
    lines, first = inspect.getsourcelines(found)
    matching = [number for number, line in enumerate(lines) if code.line in line]
    if not matching:
        raise LookupError(f"{code.where} has no line with {code.line!r}")
    package = code.where.partition(".")[0]
    parts = Path(inspect.getsourcefile(found) or "").parts
    file = "/".join(parts[max(i for i, part in enumerate(parts) if part == package) :])
    start = max(0, matching[0] - AROUND)
    excerpt = [
        (max(first, 1) + start + offset, line.rstrip())
        for offset, line in enumerate(lines[start : matching[0] + AROUND + 1])
    ]
    return SourceLine(file, max(first, 1) + matching[0], excerpt)


def _resolved(name: str) -> Any:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[length:]:
            if not hasattr(found, attribute):
                raise LookupError(f"there is no {name}")
            found = getattr(found, attribute)
        return found
    raise LookupError(f"there is no {name}")


def _function_of(found: Any) -> Any:
    """What was written, behind a property or a cache."""
    return inspect.unwrap(found.fget if isinstance(found, property) and found.fget else found)
