"""The clock of an experiment: for its whole process it stands still until moved."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from time_machine import Traveller


@contextmanager
def freeze_clock() -> Iterator["Traveller"]:
    """Let `time.time`, and everything that builds on it, stand still in this block.

    Flask-Session, cachelib, itsdangerous and the embedded Redis take no clock as an argument, so
    the process's own is set. `time.monotonic` goes on: timeouts are real.
    """
    # Imported here: it replaces functions of `time` when it is imported.
    import time_machine

    with time_machine.travel(time.time(), tick=False) as traveller:
        yield traveller
