"""Lets an event through once a second and counts the rest."""

import time
from threading import Lock


class Throttle:
    """Lets one through a second, and tells how many it held back before that."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._next = 0.0
        self._held_back = 0

    def due(self) -> int | None:
        """How many were held back since the last one; `None` where this one is held back too."""
        with self._lock:
            now = time.monotonic()
            if now < self._next:
                self._held_back += 1
                return None
            self._next = now + 1
            held_back, self._held_back = self._held_back, 0
            return held_back
