"""The contract of a store.

A store keeps *records*: a mapping of field names to text under a *key*. It knows nothing of HTTP,
of cookies, or of what the text means. `Store` has the five methods that every store needs. The
protocols below it are optional: `isinstance` finds them, so a store never stubs them.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import wraps
from hashlib import sha256
from typing import Any, NamedTuple, Protocol, runtime_checkable

from werkzeug.exceptions import ServiceUnavailable

Fields = Mapping[str, str]
"""Text by name, in order."""

Clock = Callable[[], float]
"""Seconds since the epoch, as `time.time`."""


RENEW_BELOW = 0.9
"""What keeps a session alive is renewed below this part of its life.

Reading thereby costs at most one write per tenth of it.
"""


def wall_clock() -> float:
    """The time of this machine."""
    # `time.time` is looked up at each call: tools that set the time replace it.
    return time.time()


KEY_LENGTH = 32
"""Hexadecimal digits: 128 bits of the hash, as many as an id must have at least (OWASP ASVS 5.0,
7.2.3). In Redis a longer key would cost each session 32 bytes more."""


def key_of(session_id: str) -> str:
    """The key of a session: a hash, so that a copied store holds no working token."""
    return sha256(session_id.encode()).hexdigest()[:KEY_LENGTH]


def call_before(target: object, method: str, do: Callable[[], None]) -> None:
    """Let the object call `do` whenever its method is called."""
    wrapped = getattr(target, method)

    @wraps(wrapped)
    def call(*args: Any, **kwargs: Any) -> Any:
        do()
        return wrapped(*args, **kwargs)

    setattr(target, method, call)


class SessionGone(Exception):
    """The session ended after this request had loaded it."""


class StoreUnavailable(ServiceUnavailable):
    """The store failed, which says nothing about any session: a 503.

    An application that does not catch it logs nobody out and lets nobody in (OWASP ASVS 5.0, 16.5.2
    and 16.5.3).
    """

    def __init__(self, reason: str) -> None:
        text = (
            "Your session cannot be reached at the moment. Nothing was changed: try again shortly."
        )
        super().__init__(text, retry_after=1)
        self.reason = reason
        self.is_reported = False
        """Whether the signal `store_failed` was sent for it."""

    def __str__(self) -> str:
        return f"session store unavailable: {self.reason}"


class Record(NamedTuple):
    """A loaded record."""

    fields: Fields
    ttl: float
    """The seconds until it ends."""
    seen: float
    """When it was last written or touched, in seconds since the epoch."""
    owner: str | None
    """A hash of the name of the owner that it was created for."""
    data: bytes = b""
    """As the store holds it, if the store wants it back in `update_loaded`."""
    created: float = 0
    """When the session began, in seconds since the epoch, if no field says it."""


class AtRest(NamedTuple):
    """A record as the store holds it, to show to people."""

    where: str
    """The path within the store's folder, or the key."""
    size: int
    """Bytes."""
    ttl: float
    """Seconds left."""
    fields: dict[str, str]


class Store(ABC):
    """Keeps sessions. `ttl` is in seconds, greater than 0, and may be a fraction.

    Every method raises `StoreUnavailable` for a failure of the system, and only for that: damaged
    data, an unknown key and an expired record are ordinary results. The store logs the failure, as
    nobody else does: a visitor sees a 503.
    """

    @abstractmethod
    def create(self, key: str, fields: Fields, ttl: float, owner: str | None = None) -> None:
        """Write a new record, and add it to its owner's list if the store has lists.

        Raises `KeyError` if the key is taken; it never overwrites a record.
        """

    @abstractmethod
    def load(self, key: str) -> Record | None:
        """The record; `None` if it is unknown, expired or damaged. Writes nothing."""

    @abstractmethod
    def update(self, key: str, changed: Fields, removed: Collection[str], ttl: float) -> None:
        """Write some fields, remove others, and let the record live `ttl` more seconds.

        All other fields stay as they are now, not as they were when they were loaded.
        Checking that the record exists and writing it is one atomic step.
        Raises `SessionGone` if the record has ended; it never brings one back.
        """

    @abstractmethod
    def delete(self, key: str) -> bool:
        """End the record. Returns whether there was one; an unknown key is no error."""

    def touch(self, key: str, ttl: float) -> None:
        """Let the record live `ttl` more seconds. Raises `SessionGone` if it has ended."""
        self.update(key, {}, (), ttl)


@runtime_checkable
class ShowsRecords(Protocol):
    """A store that can show its records."""

    def at_rest(self, key: str) -> AtRest | None:
        """The record as the store holds it; `None` where `load` returns `None`."""


@runtime_checkable
class UpdatesLoaded(Protocol):
    """A store whose `update` would read the record first, which the caller has loaded already."""

    def update_loaded(
        self, key: str, loaded: Record, changed: Fields, removed: Collection[str], ttl: float
    ) -> None:
        """As `update`. `loaded` may be out of date: what others wrote since then stays."""


@runtime_checkable
class NamesLocation(Protocol):
    """A store that can say where its records are."""

    def location(self) -> str | None:
        """For people, without a password; `None` inside this process, where no other sees them."""


@runtime_checkable
class ListsSessions(Protocol):
    """A store that finds the records of an owner without searching all of them."""

    def sessions_of(self, owner: str) -> dict[str, Record]:
        """The owner's living records by their keys. Ended records leave the list."""

    def end_oldest(self, owner: str, key: str, limit: int) -> list[str]:
        """End the owner's records but the `limit` that were created last.

        The order is that in which their rows came into the list, whatever the clocks of servers
        say, and each row is taken out in one atomic step, so that of logins at the same time
        exactly `limit` are left. Returns the keys that ended. `key` is the record that the caller
        has just created; it is among them if another login has ended it meanwhile.
        """


@runtime_checkable
class Sweeps(Protocol):
    """A store where ended records stay until a sweep removes them."""

    steps: int
    """The number of steps of a sweep, for a progress bar."""

    def sweep(self) -> Iterator[int]:
        """Remove ended records and leftovers. Yields the number removed in each step."""
