"""A throttle for log records and checks: one passes a second."""

import time
from threading import Lock


class Throttle:
    """Admits one caller a second and counts those it held back."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._next = 0.0
        self._held_back = 0

    def admit(self) -> int | None:
        """The number held back since the last admission; `None` if this is held back."""
        with self._lock:
            now = time.monotonic()
            if now < self._next:
                self._held_back += 1
                return None
            self._next = now + 1
            held_back, self._held_back = self._held_back, 0
            return held_back
