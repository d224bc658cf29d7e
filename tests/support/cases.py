"""Cases in a loop, where to set up a test takes longer than to try a case."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def case(name: object) -> Iterator[None]:
    """Name the case in the error that ends it."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"case: {name!r}")
        raise
