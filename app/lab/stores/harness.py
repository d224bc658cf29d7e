"""The harness of a store: what an experiment can do to it besides using it over HTTP."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import Any

from app.lab.claim import Skipped

Change = Callable[[bytes], bytes]
Outage = AbstractContextManager[None]


class OperationCounter:
    """A thread-safe counter of a store's operations by name."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts = Counter[str]()

    def add(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1

    def snapshot(self) -> Counter[str]:
        """A copy of the counts."""
        with self._lock:
            return self._counts.copy()


class StoreHarness:
    """A store under experiment. A kind of store overrides what it can do.

    Whatever is not overridden raises `Skipped` with `skip_reason`.
    """

    embedded = False
    """Whether the store is inside the application's process, and ends with it."""

    def __init__(self, kind: str, settings: Mapping[str, Any], skip_reason: str) -> None:
        """`kind` names the store in reports; `settings` make the application use it."""
        self.kind = kind
        self.settings = settings
        self.skip_reason = skip_reason
        self.note: Callable[[str], None] = lambda _: None
        """Is told in words what an experiment does here, for the evidence."""

    def operations(self) -> Counter[str]:
        """The operations so far by name: commands, or what was done to files.

        What the laboratory does through this harness is not counted.
        """
        raise self.skipped()

    def records(self) -> dict[str, bytes]:
        """A copy of everything in the store, as a thief would take it."""
        raise self.skipped()

    def overwrite(self, name: str, data: bytes) -> None:
        """Put these bytes in the place of a record."""
        self._overwrite(name, data)
        self.note("Other bytes are put in the place of a record.")

    def corrupt(self, name: str, change: Change) -> None:
        """Change the bytes of a record: a file's, a string's, or each value's of a hash.

        A list or a set of any kind becomes a string.
        """
        self._corrupt(name, change)
        self.note("The bytes of a record are changed.")

    def stopped(self) -> Outage:
        """The store is gone until the block ends; it loses nothing."""
        return self._noted(self._stopped(), "The store is taken away.", "The store is back.")

    def frozen(self) -> Outage:
        """The store takes requests and answers none until the block ends."""
        return self._noted(
            self._frozen(),
            "From now on the store takes requests and answers none.",
            "The store answers again.",
        )

    def disk_full(self) -> Outage:
        """Nothing can be written until the block ends."""
        return self._noted(
            self._disk_full(),
            "From now on nothing can be written: the disk is full.",
            "There is room on the disk again.",
        )

    def advance(self, seconds: float) -> None:
        """Move the store's own clock, if it does not go by the clock of the process."""

    def for_new_process(self) -> "StoreHarness":
        """The store that another process of this application would use."""
        return self

    def isolated_settings(self) -> Mapping[str, Any]:
        """The settings of an application that shares no store with this one."""
        raise self.skipped()

    def close(self) -> None:
        """Remove what the harness made."""

    def skipped(self) -> Skipped:
        """The error for what this kind of store cannot do."""
        return Skipped(self.skip_reason)

    def _overwrite(self, name: str, data: bytes) -> None:
        raise self.skipped()

    def _corrupt(self, name: str, change: Change) -> None:
        raise self.skipped()

    def _stopped(self) -> Outage:
        raise self.skipped()

    def _frozen(self) -> Outage:
        raise self.skipped()

    def _disk_full(self) -> Outage:
        raise self.skipped()

    @contextmanager
    def _noted(self, outage: Outage, begins: str, ends: str) -> Iterator[None]:
        with outage:
            self.note(begins)
            yield
        self.note(ends)


class UnknownService(StoreHarness):
    """A service that the laboratory neither looks into nor breaks.

    The application finds it by its own environment; what was stored there stays.
    """

    def __init__(self, service: str) -> None:
        super().__init__(
            service, {}, f"The laboratory has no way to look into {service}, or to stop it."
        )

    def isolated_settings(self) -> Mapping[str, Any]:
        raise Skipped(f"The laboratory has no second {self.kind}, for another application.")
