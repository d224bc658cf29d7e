"""The harness of a store: what an experiment can do to it directly."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
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
        self.note: Callable[[str], None] = lambda _: None
        """Called with a sentence on what was done to the store, for the evidence."""

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
        self._overwrite(name, data)
        self.note("Other bytes are put in the place of a record.")

    def corrupt(self, name: str, change: Change) -> None:
        """Change the bytes of a record: a file's, a string's, or each value's of a hash.

        A list or a set of any kind becomes a string.
        """
        self._corrupt(name, change)
        self.note("The bytes of a record are changed.")

    def stopped(self) -> Outage:
        """Stop the store until the block ends. It loses nothing."""
        return self._note_around(self._stopped(), "The store is taken away.", "The store is back.")

    def frozen(self) -> Outage:
        """Let the store accept requests and answer none until the block ends."""
        return self._note_around(
            self._frozen(),
            "From now on the store takes requests and answers none.",
            "The store answers again.",
        )

    def disk_full(self) -> Outage:
        """Let every write fail until the block ends, as on a full disk."""
        return self._note_around(
            self._disk_full(),
            "From now on nothing can be written: the disk is full.",
            "There is room on the disk again.",
        )

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

    def _overwrite(self, name: str, data: bytes) -> None:
        raise Skipped(self.skip_reason)

    def _corrupt(self, name: str, change: Change) -> None:
        raise Skipped(self.skip_reason)

    def _stopped(self) -> Outage:
        raise Skipped(self.skip_reason)

    def _frozen(self) -> Outage:
        raise Skipped(self.skip_reason)

    def _disk_full(self) -> Outage:
        raise Skipped(self.skip_reason)

    @contextmanager
    def _note_around(self, outage: Outage, begins: str, ends: str) -> Iterator[None]:
        with outage:
            self.note(begins)
            yield
        self.note(ends)


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
