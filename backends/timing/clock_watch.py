"""Finds out that this machine's clock was set back, or that another's is ahead."""

import logging

from backends.timing.throttle import Throttle

logger = logging.getLogger(__name__)

CLOCK_TOLERANCE_SECONDS = 60
"""By how much the clocks of two servers may differ.

A session from later than that was begun before the clock was set back: it would live longer than
its limits allow.
"""


class ClockWatch:
    """Tells that a clock is wrong, and warns of it once a second at most."""

    def __init__(self) -> None:
        self._throttle = Throttle()

    def is_wrong(self, ahead: float) -> bool:
        """Whether a session's last use is further ahead than two clocks may differ, in seconds."""
        if ahead <= CLOCK_TOLERANCE_SECONDS:
            return False
        if self._throttle.admit() is not None:
            logger.warning(
                "a session was used %d seconds from now, and is refused until then: this clock was "
                "set back, or another server's is ahead. Set the clocks of all servers right.",
                ahead,
            )
        return True
