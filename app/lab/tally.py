"""Counts what happens in several threads."""

from collections import Counter
from threading import Lock


class Tally:
    """How often what was noted; no note is lost where two come at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts = Counter[str]()

    def note(self, name: str) -> None:
        """Count one more of that name."""
        with self._lock:
            self._counts[name] += 1

    def so_far(self) -> Counter[str]:
        """A copy of the counts."""
        with self._lock:
            return self._counts.copy()
