"""A probe of a store: what a login does, on a record of its own that it removes again."""

import logging
import os
from collections.abc import Iterable
from secrets import token_urlsafe
from typing import Protocol, runtime_checkable

from backends.record import CREATED
from backends.store import ListsSessions, SessionGone, Store, StoreUnavailable, key_of
from backends.timing.deadline import one_deadline
from backends.timing.throttle import Throttle
from backends.timing.turns import Turns

logger = logging.getLogger(__name__)

FIELDS = {CREATED: "0", "probe": '"1"'}

PROBE_SECONDS = 60
"""The life of a record that a probe leaves behind if it dies."""


@runtime_checkable
class NamesProbes(Protocol):
    """A store on several servers."""

    def probe_keys(self) -> Iterable[str]:
        """A key for a probe of each server."""


@runtime_checkable
class ChecksItself(Protocol):
    """A store that knows more of what can fail than its verbs show."""

    def check(self) -> None:
        """Raises `StoreUnavailable` if a login would fail; leaves nothing behind."""


@runtime_checkable
class NamesRisks(Protocol):
    """A store whose server may be set up so that sessions are lost."""

    def eviction_risk(self) -> str | None:
        """One line that says how, and what to do; `None` if there is none."""


class Probe:
    """Finds out whether logins work: at most once a second, whoever asks."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turns = Turns()
        self._throttle = Throttle()
        self._failure: StoreUnavailable | None = None

    def check(self) -> None:
        """Raises `StoreUnavailable` if no server does all that a login and a logout need.

        Of several servers, one that fails is named in the log: sessions on the others go on.
        """
        with self._turns[os.getpid()]:
            if self._throttle.admit() is not None:
                self._failure = self._find_failure()
            if self._failure is not None:
                raise self._failure

    def find_risk(self) -> str | None:
        """How sessions that have not ended may be lost, in one line; `None` if nothing is known."""
        return self._store.eviction_risk() if isinstance(self._store, NamesRisks) else None

    def _find_failure(self) -> StoreUnavailable | None:
        try:
            if isinstance(self._store, ChecksItself):
                self._store.check()
                return None
            keys = list(self._keys())
        except StoreUnavailable as failure:
            return failure
        failures = [found for key in keys if (found := self._try(key)) is not None]
        if len(failures) < len(keys):
            for found in failures:
                logger.error("%s; sessions on the other servers go on", found)
            return None
        return failures[0]

    def _keys(self) -> Iterable[str]:
        if isinstance(self._store, NamesProbes):
            return self._store.probe_keys()
        return (key_of(token_urlsafe()),)

    def _try(self, key: str) -> StoreUnavailable | None:
        owner = f"probe {key}"
        try:
            with one_deadline():
                self._store.create(key, FIELDS, PROBE_SECONDS, owner)
                found = self._store.load(key)
                if isinstance(self._store, ListsSessions):
                    self._store.end_oldest(owner, key, 1)  # as under SESSION_MAX_PER_OWNER
                    self._store.sessions_of(owner)
                self._store.update(key, {"probe": '"2"'}, (), PROBE_SECONDS)
                deleted = self._store.delete(key)
        except StoreUnavailable as failure:
            return failure
        except SessionGone:
            return StoreUnavailable("a record that was just written was gone when it was changed")
        if found is None or not deleted:
            return StoreUnavailable("a record that was just written was not there when it was read")
        return None
