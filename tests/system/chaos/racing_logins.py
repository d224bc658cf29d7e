"""Logins of one user at once. Processes that race load this module, and so no test."""

import secrets
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import NamedTuple

from backends.filesystem import FileSystemStore
from backends.sqlite import SqliteStore
from backends.timing import deadline

StoreOnDisk = type[FileSystemStore] | type[SqliteStore]

AMPLE = 60.0
"""Seconds for a step of a request, where a busy machine must not decide who wins a race."""


class Login(NamedTuple):
    """A login of a user, as the interface does it: a record, then the limit."""

    store: FileSystemStore | SqliteStore
    owner: str
    limit: int

    def log_in(self) -> tuple[str, list[str]]:
        """Its key, and the keys that it ended."""
        key = secrets.token_hex(32)
        self.store.create(key, {}, 100, self.owner)
        return key, self.store.end_oldest(self.owner, key, self.limit)


TICK = 0.001
"""Seconds; at its multiples the processes begin."""

GATES: list[Barrier] = []
"""The one that this process shares with the others, where it is one of several."""


def share_gate(gate: Barrier) -> None:
    GATES.append(gate)


def log_in_with_others(
    kind: StoreOnDisk, folder: Path, limit: int, rounds: int
) -> list[tuple[str, list[str]]]:
    """Log one user in a round, at the moment when all others do; the keys of each round."""
    deadline.LIMIT_SECONDS = AMPLE  # this is a process of its own
    store = kind(folder)
    made = []
    for number in range(rounds):
        GATES[0].wait(30)
        while time.monotonic() % TICK > TICK / 10:
            pass  # they come from the gate one after the other, and log in together
        made.append(Login(store, f"user{number}", limit).log_in())
    return made
