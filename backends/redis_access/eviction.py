"""What a full Redis removes: a setting of each server, of which some end sessions.

It knows nothing of sessions and their records.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

SAFE_POLICIES = ("noeviction", "volatile-ttl")
"""Values of `maxmemory-policy` under which no session ends, or its list, before another's end."""


def unsafe_policies(masters: Iterable["Redis"]) -> str:
    """Their values of `maxmemory-policy` under which sessions may end; "" if no server tells any.

    Raises redis-py's errors.
    """
    policies = {_policy_of(master) for master in masters} - {None, *SAFE_POLICIES}
    return ", ".join(sorted(map(str, policies)))


def _policy_of(master: "Redis") -> str | None:
    """Its `maxmemory-policy`; `None` if it does not tell."""
    with suppress(ResponseError):
        told: Any = master.config_get("maxmemory-policy")
        if told:
            policy = next(iter(told.values()))
            # A client may decode, or not.
            return policy if isinstance(policy, str) else policy.decode("ascii", "replace")
    with suppress(ResponseError):
        memory: Any = master.info("memory")
        return str(memory.get("maxmemory_policy", "")) or None
    return None
