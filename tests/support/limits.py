"""Limits of this process, for as long as a test needs them."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def limited(what: int, limit: int) -> Iterator[None]:
    """Let this process have no more of a resource."""
    limits = resource.getrlimit(what)
    resource.setrlimit(what, (limit, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(what, limits)
