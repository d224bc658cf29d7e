"""Locks that are made at their first use."""

import threading
from typing import Any


class Turns(dict[Any, threading.Lock]):
    """Locks by name, of which the process is a part where a thread may keep one for long.

    One that a thread holds while its process is forked stays locked in the child. And one that is
    older than gevent's, which a worker puts in their place, would stop a process with all its
    requests instead of the one that waits: so no lock is made while the code is only loaded.
    """

    def __missing__(self, name: Any) -> threading.Lock:
        return self.setdefault(name, threading.Lock())  # of two threads both get the first's
