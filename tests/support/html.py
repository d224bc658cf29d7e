"""Pages as trees, for tests that only read them."""

from functools import lru_cache

from bs4 import BeautifulSoup


@lru_cache(maxsize=64)
def parse_page(text: str) -> BeautifulSoup:
    """The tree of a page: a page that looks the same as before is not parsed again."""
    return BeautifulSoup(text, "html.parser")
