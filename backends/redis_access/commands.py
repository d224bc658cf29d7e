"""Commands of one key, sent to the server that holds it.

It knows nothing of sessions and their records.
"""

from hashlib import sha1
from typing import Any

import redis
from redis.client import NEVER_DECODE
from redis.cluster import RedisCluster
from redis.exceptions import AskError, MaxConnectionsError, NoScriptError, TryAgainError

from backends.redis_access.client import Client
from backends.redis_access.deadline_socket import Command
from backends.redis_access.pool import ASK_ANOTHER, DeadlinePool, NoScriptAgainError

AS_BYTES: dict[str, Any] = {NEVER_DECODE: True}
"""Redis-py's option for one command: a client that decodes would do it by its own encoding, and a
record is sealed byte by byte."""


class Commands:
    """Sends commands of one key by the shortest way that the client has.

    A client for `REDIS_URL` has pools that keep the deadline; they are asked directly, because the
    machinery of redis-py costs more than the command. A ready client is asked by its own method.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        pool = getattr(client, "connection_pool", None)
        self._pool = pool if isinstance(pool, DeadlinePool) else None

    def run(self, key: str, command: Command, again: Command | None = None) -> Any:
        """The answer, with bytes for text.

        `again` is what to send instead if the command must be sent a second time.
        """
        if self._pool is not None:
            return self._pool.execute(command, again)
        if isinstance(self._client, RedisCluster):
            return self._run_on_cluster(self._client, key, command, again)
        return self._client.execute_command(*command, **AS_BYTES)

    def _run_on_cluster(
        self, cluster: RedisCluster, key: str, command: Command, again: Command | None
    ) -> Any:
        node = cluster.get_node_from_key(key)
        pool = cluster.get_redis_connection(node).connection_pool
        if not isinstance(pool, DeadlinePool):
            return cluster.execute_command(*command, **AS_BYTES)
        try:
            return pool.execute(command, again)
        except (AskError, TryAgainError):
            return cluster.execute_command(*command, **AS_BYTES)  # follows the slot
        except MaxConnectionsError:
            raise
        except (redis.ConnectionError, redis.TimeoutError, *ASK_ANOTHER, OSError):
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

    def __call__(self, key: str, *arguments: bytes | str | int) -> Any:
        return self.call(key, arguments, arguments)

    def call(self, key: str, arguments: Command, again: Command) -> Any:
        """Call it with other arguments if it must be called a second time."""
        try:
            return self._run(key, ("EVALSHA", self._hash), arguments, again)
        except NoScriptAgainError:
            return self._run(key, ("EVAL", self._text), again, again)
        except NoScriptError:
            return self._run(key, ("EVAL", self._text), arguments, again)

    def _run(self, key: str, script: Command, arguments: Command, again: Command) -> Any:
        first = (*script, 1, key, *arguments)
        second = None if again is arguments else (*script, 1, key, *again)
        return self._commands.run(key, first, second)
