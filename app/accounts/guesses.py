"""How many wrong passwords are allowed, by address and by account.

A try is taken before the password is checked, and given back if it was right: of many at once no
more are checked than allowed.
"""

import time
from collections.abc import Iterator
from functools import wraps
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, cast

import limits
from flask import current_app, make_response, request, session
from limits.errors import ConfigurationError, StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string
from werkzeug.exceptions import TooManyRequests

from app.accounts.access import View
from app.state import state_of
from app.web.log import log_visitor_event

MAX_NAME_CHARACTERS = 80

BY_ADDRESS = 10
"""A minute: enough for a forgotten password, too few for a list of them."""

BY_ACCOUNT = 100
"""An hour, from all addresses (OWASP ASVS 4.0, 2.2.1): a few guesses of others lock nobody out."""

IPV6_PREFIX = 64
"""A customer gets a whole network, so its addresses count as one (RFC 4291, 2.5.4)."""

REDIS_TIMEOUT_SECONDS = 0.2
"""An answer of the application to an outage takes less than a second, this included."""

REDIS_PAUSE_SECONDS = 5
"""After a failure: the next logins do not wait for it again."""

KEY_PREFIX = "guesses"
"""Of the counters in Redis."""

LOGIN = "login.log_in"
"""The endpoint at which the form names the account."""

PASSWORD_FIELDS = ("password", "current")
"""The fields of forms that hold the password of an account."""


class Guesses:
    """Counts tries; where there is a Redis, for all processes together."""

    def __init__(self, redis_url: str | None, processes: int = 1) -> None:
        """What a process counts for itself is its share of the tries."""
        self._own: Storage = MemoryStorage()
        self._shared = _open_redis(redis_url) if redis_url else None
        self._redis_is_back = 0.0
        self._processes = processes
        self._by_address = limits.parse(f"{BY_ADDRESS}/minute")
        self._by_account = limits.parse(f"{BY_ACCOUNT}/hour")

    def take(self, address: str, name: str) -> bool:
        """Whether another password may be tried; it counts until it is given back."""
        # What an address is refused is no try of the account: one flood would lock its owner out.
        return all(self._add(limit, key, 1) for limit, key in self._limits(address, name))

    def give_back(self, address: str, name: str) -> None:
        """The password was right, or was not checked."""
        for limit, key in self._limits(address, name):
            self._add(limit, key, -1)

    def _limits(self, address: str, name: str) -> Iterator[tuple[limits.RateLimitItem, str]]:
        yield self._by_address, f"address {network_of(address)}"
        # Hashed: people type a password in the place of their name.
        account = sha256(name.encode("utf-8", "replace")).hexdigest()[:32]
        yield self._by_account, f"account {account}"

    def _add(self, limit: limits.RateLimitItem, key: str, count: int) -> bool:
        """Count, and return whether that is within the limit."""
        what = limit.key_for(key), limit.get_expiry(), count
        if self._shared and time.monotonic() >= self._redis_is_back:
            try:
                return self._shared.incr(*what) <= limit.amount
            except _failures():  # until it is back each process counts for itself
                self._redis_is_back = time.monotonic() + REDIS_PAUSE_SECONDS
        return self._own.incr(*what) <= max(1, limit.amount // self._processes)


def network_of(address: str) -> str:
    """The address, or the network of an IPv6 address; an IPv4 address in IPv6 is one of IPv4."""
    host = _without_port(address)
    try:
        parsed = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, IPV6_PREFIX), strict=False))


def _without_port(address: str) -> str:
    """Some proxies add the port, as in `192.0.2.1:5000`: each connection has another."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address


def limit_wrong_passwords(view: View) -> View:
    """Let a view check a password only while there are tries left; a 401 takes one.

    A form without a password tries none, so that the guesses of others refuse nobody who has
    confirmed theirs.
    """

    @wraps(view)
    def limited(*args: Any, **kwargs: Any) -> Any:
        if not any(request.form.get(field) for field in PASSWORD_FIELDS):
            return view(*args, **kwargs)
        guesses = state_of(current_app).guesses
        tried = request.remote_addr or "", _name_of_account()
        if not guesses.take(*tried):
            _log_refusal(tried[1])
            raise TooManyRequests(retry_after=60)
        try:
            response = make_response(view(*args, **kwargs))
        except Exception:
            guesses.give_back(*tried)
            raise
        if response.status_code != 401:
            guesses.give_back(*tried)
        return response

    return limited


def _name_of_account() -> str:
    """Whose password is tried: at the login the one that the form names, else the session's own."""
    named = request.form.get("username") if request.endpoint == LOGIN else session.get("user")
    return str(named or "")


def _log_refusal(name: str) -> None:
    """Log refused logins at most once a second: a flood of them must not fill the log."""
    refused = state_of(current_app).refusals.admit()
    if refused is not None:
        log_visitor_event("login limited", user=name[:MAX_NAME_CHARACTERS], more=refused)


def _open_redis(url: str) -> Storage | None:
    """The counters in that Redis.

    `None` for an address that the library does not know, and for a cluster that does not answer.
    """
    # Imported here: an application without Redis never loads its client.
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    address = url.replace("unix://", "redis+unix://", 1) if url.startswith("unix://") else url
    options: dict[str, Any] = {
        "key_prefix": KEY_PREFIX,
        "socket_timeout": REDIS_TIMEOUT_SECONDS,
        "socket_connect_timeout": REDIS_TIMEOUT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }
    try:
        return cast(Storage, storage_from_string(address, wrap_exceptions=True, **options))
    except _failures():
        return None


def _failures() -> tuple[type[Exception], ...]:
    """What counting in Redis raises: of a cluster, also what the library does not wrap."""
    from backends.redis_access.answers import FAILURES, UNFORESEEN

    return (ConfigurationError, StorageError, *FAILURES, *UNFORESEEN)
