"""The contract between sessions and the place where they rest.

A store keeps *records*: a mapping of field names to text under a *key*. It knows nothing of HTTP,
of cookies, or of what the text means. Required: the five verbs of `Store`. Optional: the protocols
below it, found by `isinstance` and never stubbed.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from hashlib import sha256
from typing import NamedTuple, Protocol, runtime_checkable

from werkzeug.exceptions import ServiceUnavailable

Fields = dict[str, str]
Clock = Callable[[], float]
"""Seconds since the epoch, as `time.time`."""


def key_of(session_id: str) -> str:
    """What the store files a session under: a copy of the store holds no working token."""
    return sha256(session_id.encode()).hexdigest()


class SessionGone(Exception):
    """Somebody ended the session after this request had loaded it."""


class StoreUnavailable(ServiceUnavailable):
    """A system failure: the store cannot be asked now, and says nothing about any session.

    It is a 503, so that an application which does not catch it neither logs anybody out nor lets
    anybody in (OWASP ASVS 5.0, 16.5.2 and 16.5.3).
    """

    retry_after: int = 1

    def __init__(self, reason: str) -> None:
        super().__init__(
            "Your session cannot be reached at the moment. Nothing is lost: try again shortly.",
            retry_after=self.retry_after,
        )
        self.reason = reason

    def __str__(self) -> str:
        return f"session store unavailable: {self.reason}"


class Record(NamedTuple):
    """What a store gives back."""

    fields: Fields
    ttl: float
    """The seconds it still has to live."""
    seen: float
    """When it was last written or touched, in seconds since the epoch."""
    owner: str | None
    """A name that stands for whoever it was created for; not the owner's own name."""


class AtRest(NamedTuple):
    """One record as it lies in the store, for people who want to look."""

    where: str
    """The path below the store's folder, or the key."""
    size: int
    """Bytes."""
    ttl: float
    """Seconds left."""
    fields: Fields


class Store(ABC):
    """Where sessions rest. `ttl` is in seconds, more than 0, and may be a fraction.

    Every verb raises `StoreUnavailable` for a failure of the system, and only for that: bad data,
    an unknown key and an expired record are ordinary answers.
    """

    @abstractmethod
    def create(self, key: str, fields: Fields, ttl: float, owner: str | None = None) -> None:
        """File a new record, and list it under its owner where the store lists sessions.

        Raises `KeyError` where the key is taken; overwrites nothing.
        """

    @abstractmethod
    def load(self, key: str) -> Record | None:
        """The record; `None` where it is unknown, expired or damaged. Writes nothing."""

    @abstractmethod
    def update(self, key: str, changed: Fields, removed: Collection[str], ttl: float) -> None:
        """Write the changed fields, drop the removed ones, and let the record live `ttl` longer.

        Fields that are not named stay as they are now, not as they were when they were loaded.
        That the record is there and that it is written is one atomic step.
        Raises `SessionGone` where the record is no longer there; it never brings one back.
        """

    @abstractmethod
    def delete(self, key: str) -> bool:
        """End the record. Whether there was one; an unknown key is no error."""

    def touch(self, key: str, ttl: float) -> None:
        """Let the record live `ttl` longer. Raises `SessionGone` where it is no longer there."""
        self.update(key, {}, (), ttl)


@runtime_checkable
class ShowsRecords(Protocol):
    """A store whose records can be looked at as they rest."""

    def at_rest(self, key: str) -> AtRest | None:
        """The record as it rests, or `None` where `load` gives `None`."""


@runtime_checkable
class ListsSessions(Protocol):
    """A store that knows whose a record is, without looking through all of them."""

    def sessions_of(self, owner: str) -> dict[str, Record]:
        """The living records of an owner by their keys; rows of ended ones leave the list."""


@runtime_checkable
class Sweeps(Protocol):
    """A store where ended records stay until somebody removes them."""

    steps: int
    """How many steps `sweep` takes, for a progress bar."""

    def sweep(self) -> Iterator[int]:
        """Remove ended records and what crashes left behind; after each step, how many went."""
