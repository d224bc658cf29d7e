"""The log of a store's failures: during an outage every request would write a line."""

from logging import Logger

from backends.store import StoreUnavailable
from backends.timing.throttle import Throttle


class FailureLog:
    """Logs at most one failure a second."""

    def __init__(self, logger: Logger) -> None:
        self._logger = logger
        self._throttle = Throttle()

    def unavailable(self, reason: str) -> StoreUnavailable:
        """The error to raise for a failure, which is logged."""
        error = StoreUnavailable(reason)
        if self._throttle.admit() is not None:
            self._logger.error("%s", error)
        return error
