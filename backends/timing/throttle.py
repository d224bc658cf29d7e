"""A throttle for log records and checks: one passes a second."""

import time
from threading import Lock


class Throttle:
    """Admits one caller a second and counts those that it refuses."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._next = 0.0
        self._refused = 0

    def admit(self) -> int | None:
        """How many were refused since the last admission; `None` if this one is refused too."""
        with self._lock:
            now = time.monotonic()
            # Not for longer: in an application's tests freezegun sets this clock back.
            if self._next - 2 < now < self._next:
                self._refused += 1
                return None
            self._next = now + 1
            refused, self._refused = self._refused, 0
            return refused
