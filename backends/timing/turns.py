"""Locks that are made at their first use."""

import threading
from typing import Any


class Turns(dict[Any, threading.Lock]):
    """Locks by name. The id of the process is a part of it: a lock that a thread holds while its
    process is forked stays locked in the child.

    No lock is made while the code is only loaded. A worker of gevent puts its own locks in the
    place of Python's; an older one would stop all requests of the process, and not only the one
    that waits.
    """

    def __missing__(self, name: Any) -> threading.Lock:
        return self.setdefault(name, threading.Lock())  # of two threads both get the first's
