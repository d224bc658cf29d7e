"""Connections to Redis that keep the deadline of a step, and the pool that lends them.

It knows nothing of sessions and their records.
"""

import os
import socket
import threading
import time
from contextlib import suppress
from typing import Any

import hiredis
import redis
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import (
    BusyLoadingError,
    MasterDownError,
    MaxConnectionsError,
    NoScriptError,
    ReadOnlyError,
)
from redis.sentinel import SentinelConnectionPool, SentinelManagedConnection

from backends.redis_access.answers import UNFORESEEN, describe_answer, refuses_connection
from backends.redis_access.deadline_socket import TIME_USED_UP, Command, DeadlineSocket
from backends.redis_access.lookup import wait_for_name
from backends.timing import deadline
from backends.timing.deadline import seconds_left
from backends.timing.throttle import Throttle

ASK_ANOTHER = (ReadOnlyError, MasterDownError, BusyLoadingError)
"""Answers of a server that is not the master, or not yet: another may have its address by now."""

ENDS_CONNECTION = (redis.ConnectionError, hiredis.PushNotification)
"""Answers after which what follows may answer nothing that was asked."""

MIN_TIMEOUT_SECONDS = 0.001
"""For a socket whose time is used up; 0 would mean that it never waits."""


class TimeUsedUpError(redis.TimeoutError):
    """The step had little time left for this command, which says nothing of the server."""


class NoNewConnectionError(redis.ConnectionError):
    """The server takes no new connection now, which says nothing of those that there are."""


class ShortageError(redis.RedisError):
    """This process can make no new connection, to whatever server."""


class NoScriptAgainError(NoScriptError):
    """The second server does not know a script that the first one may have run."""


class DeadlineMixin:
    """A connection whose handshake and answers end at the deadline of the step."""

    _attempt_ends = float("inf")

    def limit_attempt(self, seconds: float) -> None:
        """Give up after so many seconds, even if the step has more time left."""
        self._attempt_ends = time.monotonic() + seconds

    def time_left(self) -> float:
        """The seconds left. Raises `TimeoutError` if there are none."""
        left = min(seconds_left(), self._attempt_ends - time.monotonic())
        if left <= 0:
            raise TimeoutError(TIME_USED_UP)
        return left

    @property
    def socket_timeout(self) -> float | int | None:
        left = min(seconds_left(), self._attempt_ends - time.monotonic())
        return max(MIN_TIMEOUT_SECONDS, left)

    @socket_timeout.setter
    def socket_timeout(self, value: float | int | None) -> None:
        """The deadline alone counts."""

    @property
    def socket_connect_timeout(self) -> float | int | None:
        return self.socket_timeout

    @socket_connect_timeout.setter
    def socket_connect_timeout(self, value: float | int | None) -> None:
        """The deadline alone counts."""

    def connect(self) -> None:
        """Connect and greet. Raises `ConnectionError` also for what redis-py does not foresee."""
        try:
            super().connect()  # type: ignore[misc]  # of redis-py
        except OSError:
            raise  # that of a certificate is a ValueError too
        except UNFORESEEN as error:
            self.disconnect()  # type: ignore[attr-defined]  # redis-py does it for its own errors
            raise redis.ConnectionError(describe_answer(error)) from error

    def on_connect_check_health(self, check_health: bool = True) -> None:
        """Greet the server. Its answer to a greeting may repeat the password: leave that out."""
        try:
            super().on_connect_check_health(check_health)  # type: ignore[misc]  # of redis-py
        except redis.RedisError as error:
            if not refuses_connection(error):
                raise
            said = describe_answer(error)
            raise NoNewConnectionError(said, status_code=error.status_code) from None

    def _connect(self) -> DeadlineSocket:
        check_descriptors()
        host = getattr(self, "host", None)
        if host is not None:  # it is no socket file
            try:
                wait_for_name(host, self.time_left())
            except RuntimeError as error:  # no thread can be started
                raise ShortageError(f"no new connection: {error}") from None
        return DeadlineSocket(super()._connect(), self)  # type: ignore[misc]  # of redis-py


class DeadlineConnection(DeadlineMixin, Connection):
    """To a server's port."""


class DeadlineSSLConnection(DeadlineMixin, SSLConnection):
    """To a server's port, by TLS."""


class DeadlineUnixConnection(DeadlineMixin, UnixDomainSocketConnection):
    """To a server's socket file."""


class DeadlineSentinelConnection(DeadlineMixin, SentinelManagedConnection):
    """To the master that the Sentinels name."""


class DeadlineSentinelSSLConnection(DeadlineMixin, SentinelManagedConnection, SSLConnection):
    """To the master that the Sentinels name, by TLS."""


class DeadlinePool(redis.ConnectionPool):
    """Lends the connection that was used last; who finds none free waits for one.

    The wait is a part of the step's time. `attempt_seconds` limits each use of a connection.
    """

    def __init__(self, *args: Any, attempt_seconds: float = float("inf"), **options: Any) -> None:
        self.attempt_seconds = attempt_seconds
        super().__init__(*args, **options)

    def reset(self) -> None:
        """Forget all connections: those of a process belong to it alone, not to its children."""
        self._changed = threading.Condition()
        self._made = self._waiting = 0
        super().reset()

    def execute(self, command: Command, again: Command | None = None) -> Any:
        """The answer, with bytes for text. Asks a second time on a new connection if needed.

        It is needed for a connection that broke, or went silent, while it was not used, and for a
        server that says to ask another. `again` is the command for the second time; without it,
        `command` may be repeated.
        """
        connection = self._lend()
        left, was_idle = seconds_left(), connection._sock is not None
        try:
            if left <= 0:
                raise TimeUsedUpError(TIME_USED_UP)
            try:
                if was_idle:
                    # A firewall may have swallowed it: leave time for a new one.
                    return _ask(connection, command, time.monotonic() + left / 2)
                return self._connect_and_ask(connection, command)
            except (redis.RedisError, OSError) as error:
                if not must_ask_another(error) and not (was_idle and _is_broken(error)):
                    raise
            return self._ask_anew(connection, again or command)
        except redis.TimeoutError as error:
            if left < deadline.LIMIT_SECONDS / 2:
                raise TimeUsedUpError(TIME_USED_UP) from error
            raise
        finally:
            self.release(connection)

    def get_connection(self, *_: Any, **__: Any) -> Any:
        """A connected one, for a command of redis-py."""
        connection = self._lend()
        try:
            connection.limit_attempt(self.attempt_seconds)
            connection.connect()
            if _is_stale(connection):
                connection.disconnect()
                connection.connect()
        except BaseException:
            self.release(connection)
            raise
        return connection

    def make_connection(self) -> Any:
        """A new one, not connected."""
        return self.connection_class(**self.connection_kwargs)

    def release(self, connection: Any) -> None:
        if connection.pid != self.pid:
            return  # it was lent before this process was forked
        if connection._sock is None:
            self._forget_one()
            return
        self._available_connections.append(connection)
        if self._waiting:
            with self._changed:
                self._changed.notify()

    def disconnect(self, inuse_connections: bool = True) -> None:
        """Drop the connections that are not lent."""
        self._checkpid()
        with suppress(IndexError):  # other threads may take some meanwhile
            while True:
                self._available_connections.pop().disconnect()
                self._forget_one()

    def _lend(self) -> Any:
        if self.pid != os.getpid():
            self._checkpid()
        try:
            return self._available_connections.pop()
        except IndexError:
            return self._wait_or_make()

    def _wait_or_make(self) -> Any:
        """A connection that is given back, or a new one.

        Raises `MaxConnectionsError` if there may be no more and none is given back in time.
        """
        with self._changed:
            # Who gives one back looks at this after it is there: it is found here, or waited for.
            self._waiting += 1
            try:
                while self._made >= self.max_connections:
                    with suppress(IndexError):
                        return self._available_connections.pop()
                    if not self._changed.wait(max(0.0, seconds_left())):
                        raise MaxConnectionsError("no connection was free in time")
                self._made += 1
            finally:
                self._waiting -= 1
        try:
            return self.make_connection()
        except BaseException:
            self._forget_one()
            raise

    def _forget_one(self) -> None:
        with self._changed:
            self._made -= 1
            self._changed.notify()

    def _ask_anew(self, connection: Any, again: Command) -> Any:
        """Ask by a new connection, and let nobody use those that were made before."""
        connection.disconnect()
        self.disconnect(inuse_connections=False)
        try:
            return self._connect_and_ask(connection, again)
        except NoScriptError as error:
            raise NoScriptAgainError(*error.args) from None

    def _connect_and_ask(self, connection: Any, command: Command) -> Any:
        connection.limit_attempt(self.attempt_seconds)
        connection.connect()
        return _ask(connection, command, time.monotonic() + connection.time_left())


class MasterCheckingPool(DeadlinePool, SentinelConnectionPool):
    """Asks the Sentinels for the master once a second, not only when it connects.

    A master that was replaced while it runs keeps its connections and accepts writes for about ten
    seconds; they are lost when it follows the new one.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        self._checks = Throttle()
        super().__init__(*args, **options)

    def _lend(self) -> Any:
        if self._checks.admit() is not None:
            with suppress(redis.RedisError):  # without them, keep the master that is known
                self.get_master_address()  # type: ignore[no-untyped-call]  # has no types
        return super()._lend()

    def release(self, connection: Any) -> None:
        if not self.owns_connection(connection):  # type: ignore[no-untyped-call]  # has no types
            connection.disconnect()  # it goes to a server that is not the master now
        super().release(connection)


def check_descriptors() -> None:
    """Raise `ShortageError` if this process can open nothing more.

    The resolver, which opens files, would name another reason.
    """
    try:
        socket.socket().close()
    except OSError as error:
        raise ShortageError(f"no new connection: {error.strerror}") from None


def must_ask_another(error: BaseException) -> bool:
    """Whether the server says that another one takes this command."""
    # Before Redis 7 the answer to a script has the reason within its text.
    return isinstance(error, ASK_ANOTHER) or "-READONLY" in str(error)


def _ask(connection: Any, command: Command, ends: float) -> Any:
    """The answer, at that time of `time.monotonic` at the latest."""
    try:
        answer = connection._sock.ask(command, ends)
        if isinstance(answer, ENDS_CONNECTION):
            raise redis.ConnectionError(f"the server answered {answer}")
    except BaseException as error:
        connection.disconnect()  # what is still to come must answer nothing else
        if isinstance(error, TimeoutError):
            raise redis.TimeoutError(str(error)) from error
        if isinstance(error, OSError):
            raise redis.ConnectionError(str(error)) from error
        raise
    if isinstance(answer, Exception):
        try:
            raise answer
        finally:
            del answer  # in a circle with this frame it would keep the connection open
    return answer


def _is_broken(error: BaseException) -> bool:
    return isinstance(error, redis.ConnectionError | redis.TimeoutError | OSError)


def _is_stale(connection: Any) -> bool:
    """Whether the server closed it, or sent something that nobody asked for."""
    try:
        return bool(connection.can_read())
    except (redis.RedisError, OSError):
        return True
