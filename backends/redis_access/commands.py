"""Commands of one key, sent to the server that holds it.

It knows nothing of sessions and their records.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from hashlib import sha1
from typing import Any

import redis
from redis.client import NEVER_DECODE
from redis.cluster import RedisCluster
from redis.exceptions import (
    AskError,
    MaxConnectionsError,
    NoScriptError,
    RedisClusterException,
    TryAgainError,
)

from backends.failure_log import FailureLog
from backends.redis_access.answers import FAILURES
from backends.redis_access.circuit_breaker import CircuitBreaker
from backends.redis_access.client import Client
from backends.redis_access.deadline_socket import Command
from backends.redis_access.pool import (
    ASK_ANOTHER,
    DeadlinePool,
    NoNewConnectionError,
    NoScriptAgainError,
)

AS_BYTES: dict[str, Any] = {NEVER_DECODE: True}
"""Redis-py's option for one command: a client that decodes would do it by its own encoding, and a
record is sealed byte by byte."""

CONNECTION_LOST = (redis.ConnectionError, redis.TimeoutError, OSError)
"""The command may have been run: its answer, at least, did not come."""


class Commands:
    """Sends commands of one key by the shortest way that the client has.

    A client for `REDIS_URL` has pools that keep the deadline; they are asked directly, because the
    machinery of redis-py costs more than the command. A ready client is asked by its own methods.
    """

    def __init__(self, client: Client, failures: FailureLog) -> None:
        self._client = client
        pool = getattr(client, "connection_pool", None)
        self._pool = pool if isinstance(pool, DeadlinePool) else None
        self._breakers = defaultdict[str, CircuitBreaker](partial(CircuitBreaker, failures))
        self._breaker = self._breakers[""]
        """Of all servers together; each node of a cluster has its own besides."""

    def run(self, key: str, command: Command, again: Command | None = None) -> Any:
        """The answer, with bytes for text.

        `again` is what to send instead if the command must be sent a second time.
        Raises `StoreUnavailable`, `ValueError` for a key of another type, and `NoScriptError`.
        """
        if self._pool is not None:
            return self._breaker.call(self._pool.execute, command, again)
        if not isinstance(self._client, RedisCluster):
            return self._breaker.call(_run_by_ready_client, self._client, key, command, again)
        breaker = self._breakers[self._node_of(self._client, key)]
        return breaker.call(self._run_on_cluster, self._client, key, command, again)

    def ask_masters(self, ask: Callable[[list[Any]], Any]) -> Any:
        """What `ask` makes of a client for each master. Raises as `run`."""

        def ask_each() -> Any:
            with _as_failure(self._client):
                return ask(self._masters())

        return self._breaker.call(ask_each)

    def _masters(self) -> list[Any]:
        if not isinstance(self._client, RedisCluster):
            return [self._client]
        return [*map(self._client.get_redis_connection, self._client.get_primaries())]

    def _node_of(self, cluster: RedisCluster, key: str) -> str:
        with suppress(RedisClusterException):
            return str(cluster.get_node_from_key(key).name)
        return ""  # no node has the key: the command will fail too

    def _run_on_cluster(
        self, cluster: RedisCluster, key: str, command: Command, again: Command | None
    ) -> Any:
        node = cluster.get_node_from_key(key)
        pool = cluster.get_redis_connection(node).connection_pool
        if not isinstance(pool, DeadlinePool):
            return _run_by_ready_client(cluster, key, command, again)
        try:
            return pool.execute(command, again)
        except (AskError, TryAgainError):
            return cluster.execute_command(*command, **AS_BYTES)  # follows the slot
        except (MaxConnectionsError, NoNewConnectionError):
            raise
        except (*CONNECTION_LOST, *ASK_ANOTHER):
            cluster.nodes_manager.initialize()
            raise


class Script:
    """A script of one key, called by its hash, or by its text on a new server.

    A replica that became the master does not know it. redis-py would then send it to every master,
    and fail if any other master is down.
    """

    def __init__(self, commands: Commands, text: str) -> None:
        self._commands = commands
        self._text = text
        self._hash = sha1(text.encode(), usedforsecurity=False).hexdigest()

    def __call__(
        self, key: str, *arguments: bytes | str | int, again: Command | None = None
    ) -> Any:
        """The answer. `again` are the arguments if it must be called a second time."""
        by_hash = ("EVALSHA", self._hash, 1, key)
        try:
            return self._commands.run(key, (*by_hash, *arguments), again and (*by_hash, *again))
        except NoScriptAgainError:
            arguments = tuple(again or arguments)
        except NoScriptError:
            pass
        by_text = ("EVAL", self._text, 1, key)
        return self._commands.run(key, (*by_text, *arguments), again and (*by_text, *again))


def _run_by_ready_client(client: Client, key: str, command: Command, again: Command | None) -> Any:
    """The answer, by the client's own methods.

    They repeat a command whose answer was lost, so that `again` has to be sent by another way.
    """
    execute: Any = client.execute_command
    with _as_failure(client):
        if again is None:
            return execute(*command, **AS_BYTES)
        if isinstance(client, RedisCluster):
            with suppress(*CONNECTION_LOST):  # a command for named nodes is not repeated
                node = client.get_node_from_key(key)
                return execute(*command, target_nodes=node, **AS_BYTES)
        else:
            with _lent_connection(client) as connection, suppress(*CONNECTION_LOST):
                connection.send_command(*command)
                return client.parse_response(connection, command[0], **AS_BYTES)
        try:
            return execute(*again, **AS_BYTES)
        except NoScriptError as error:
            raise NoScriptAgainError(*error.args) from None


@contextmanager
def _as_failure(client: Client) -> Iterator[None]:
    """Raise `redis.ConnectionError` for any other error than redis-py's.

    What gives a client its password, which may expire, raises what it likes: a `ValueError` would
    be taken for damage. redis-py goes on then with connections that are not logged in.
    """
    try:
        yield
    except FAILURES:
        raise
    except Exception as error:
        clients: list[Any] = [client]
        if isinstance(client, RedisCluster):
            clients = [node.redis_connection for node in client.get_nodes()]
        for each in filter(None, clients):
            each.connection_pool.disconnect(inuse_connections=False)
        reason = f"the client in SESSION_REDIS failed with {type(error).__name__}: {error}"
        raise redis.ConnectionError(reason) from error


@contextmanager
def _lent_connection(client: redis.Redis) -> Iterator[Any]:
    """A connection of the client's pool. Raises redis-py's errors if none can be made."""
    connection = client.connection_pool.get_connection()
    try:
        yield connection
    finally:
        client.connection_pool.release(connection)
