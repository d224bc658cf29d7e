"""Looks up the names of hosts within a time: the system's resolver knows no deadline."""

import socket
import threading
from contextlib import suppress
from ipaddress import ip_address

_running: dict[str, threading.Thread] = {}
"""By the host: of requests that wait for one name, one asks."""


def wait_for_name(host: str, seconds: float) -> None:
    """Return when the resolver has answered, whatever it said; at once for an IP address.

    Raises `OSError` if it has not in that time, `RuntimeError` if no thread can be started.
    """
    if _is_address(host):
        return
    asking = _running.get(host)
    if asking is None or not asking.is_alive():
        asking = _running[host] = threading.Thread(target=_ask, args=(host,), daemon=True)
        asking.start()
    asking.join(seconds)
    if asking.is_alive():
        raise OSError(f"the resolver of this machine does not answer for the name {host}")


def _is_address(host: str) -> bool:
    """Whether it is an IP address, for which nobody is asked."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _ask(host: str) -> None:
    with suppress(OSError, UnicodeError):  # who connects will be told
        socket.getaddrinfo(host, None)
