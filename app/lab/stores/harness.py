"""The harness of a store: what an experiment can do to it directly."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from app.lab.claim import Skipped

Change = Callable[[bytes], bytes]
Outage = AbstractContextManager[None]


class StoreHarness:
    """A store under experiment. A kind of store overrides what it can do.

    Whatever is not overridden raises `Skipped` with `skip_reason`.
    """

    embedded = False
    """Whether the store lives in the application's process, and is lost with it."""

    def __init__(self, settings: Mapping[str, Any], skip_reason: str) -> None:
        """`settings` make the application use it."""
        self.settings = settings
        self.skip_reason = skip_reason

    def record_operations(self) -> AbstractContextManager[list[str]]:
        """A list that holds, when the block ends, what the application did with the store in it.

        The names of commands or of file operations, in their order.
        """
        raise Skipped(self.skip_reason)

    def records(self) -> dict[str, bytes]:
        """A copy of everything in the store, by the name of each record."""
        raise Skipped(self.skip_reason)

    def overwrite(self, name: str, data: bytes) -> None:
        """Replace a record by these bytes."""
        raise Skipped(self.skip_reason)

    def corrupt(self, name: str, change: Change) -> None:
        """Change the bytes of a record: a file's, a string's, or each value's of a hash.

        A list or a set of any kind becomes a string.
        """
        raise Skipped(self.skip_reason)

    def stopped(self) -> Outage:
        """Stop the store until the block ends. It loses nothing."""
        raise Skipped(self.skip_reason)

    def frozen(self) -> Outage:
        """Let the store accept requests and answer none until the block ends."""
        raise Skipped(self.skip_reason)

    def disk_full(self) -> Outage:
        """Let every write fail until the block ends, as on a full disk."""
        raise Skipped(self.skip_reason)

    def advance(self, seconds: float) -> None:
        """Move the store's clock, if it is not the clock of the process."""

    def for_new_process(self) -> "StoreHarness":
        """The harness of the store that another process of this application would use."""
        return self

    def isolated_settings(self) -> Mapping[str, Any]:
        """The settings of an application that shares no store with this one."""
        raise Skipped(self.skip_reason)

    def close(self) -> None:
        """Remove everything that the harness created."""


class NoStore(StoreHarness):
    """Of a backend that stores nothing on the server."""

    def __init__(self) -> None:
        super().__init__({}, "The server stores nothing.")

    def records(self) -> dict[str, bytes]:
        return {}

    def isolated_settings(self) -> Mapping[str, Any]:
        return {}


class UnknownService(StoreHarness):
    """A service that the laboratory can neither read nor stop.

    The application finds it by its own environment. Its data is not removed.
    """

    def __init__(self, service: str) -> None:
        super().__init__({}, f"The laboratory has no way to look into {service}, or to stop it.")
        self.service = service

    def isolated_settings(self) -> Mapping[str, Any]:
        raise Skipped(f"The laboratory has no second {self.service}, for another application.")
