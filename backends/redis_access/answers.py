"""What a server answers instead of what it was asked for, in words, and what to do about it.

It knows nothing of sessions and their records.
"""

import re

import redis
from redis.exceptions import AskError, RedisClusterException
from redis.sentinel import MasterNotFoundError

from backends.redis_access.deadline_socket import TIME_USED_UP

SCRIPT_NAME = re.compile(r" script: [0-9a-f]{40}, on @user_script:\d+\.?$")
"""Ends what is answered to a script of which a command failed."""

OWN_WORDS = "the server "
"""Begins what this module says itself, with what to do."""

ASK_WHY = "Find out whether it runs, and what keeps it busy (SLOWLOG GET)."
ASK_TLS = (
    "Find out whether it runs, and whether it speaks TLS there, which rediss:// needs: to a server "
    "without it the greeting is no command, or one that has not ended."
)
LET_USE = (
    "Let its user use these keys, and all commands of the categories @read, @write, @scripting and "
    "@connection (ACL SETUSER)."
)
LOG_IN = "Give the name and the password of a user there."

FAILURES = (redis.RedisError, RedisClusterException, OSError)
"""What redis-py raises if a server does not answer; the second is no `RedisError`."""

UNFORESEEN = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What redis-py raises for an option that makes no sense, and for a greeting of no Redis."""

ADVICE = {
    "OOM": "Give it more memory (maxmemory), or let sessions end sooner.",
    "NOPERM": LET_USE,
    "can't run this command": LET_USE,  # within a script
    "can't access at least one of the keys": LET_USE,
    "READONLY": "It is a replica: name its master.",
    "NOREPLICAS": "Start its replicas, or ask for fewer (min-replicas-to-write).",
    "NOAUTH": LOG_IN,
    "WRONGPASS": LOG_IN,
    "max number of clients": "Let it take more (maxclients), or let each process open fewer "
    "(?max_connections=… in REDIS_URL).",
    "Too many open files": "Let this process open more (ulimit -n).",
    "start new thread": "Let this process start more (ulimit -u, limits of its container).",
    "Timeout connecting": ASK_TLS,
    "WRONG_VERSION_NUMBER": ASK_TLS,
    "Timeout": ASK_WHY,
    TIME_USED_UP: ASK_WHY,
}
"""What to do, by the code of an answer or by a part of it; the others say it themselves."""


def describe_answer(error: BaseException) -> str:
    """What a server answered, without what it repeats of the command: a password, maybe."""
    # Sentinel's message ends with the settings of all clients that it asked.
    text = str(error).partition(", with args beginning with")[0].partition(" : <")[0]
    text = SCRIPT_NAME.sub("", text)
    if isinstance(error, UNFORESEEN):
        return f"it is no Redis, or an option in the address cannot be used ({text})"
    if text.startswith("HELLO must be called with the client already authenticated"):
        return f"{OWN_WORDS}asks for a password: give it in the address, as redis://:password@host"
    if isinstance(error, AskError):  # a client of the cluster would follow it
        return f"{OWN_WORDS}is one of a cluster: give redis+cluster://host:port ({text})"
    if "unknown command" in text and "HELLO" in text.upper():
        return f"{OWN_WORDS}does not know HELLO: add ?protocol=2 to its address ({text})"
    return text


def advise(error: BaseException) -> str:
    """What to do about it; empty if the answer says it, or nobody knows."""
    if isinstance(error, MasterNotFoundError):
        return "Find out why none of its Sentinels answers and names one (SENTINEL masters)."
    code, text = getattr(error, "status_code", None), str(error)
    if text.startswith(OWN_WORDS):
        return ""
    return next((what for sign, what in ADVICE.items() if sign == code or sign in text), "")


def explain(error: BaseException) -> str:
    """What a server answered, and what to do about it."""
    return f"{describe_answer(error).rstrip('.')}. {advise(error)}".rstrip()


def refuses_connection(error: redis.RedisError) -> bool:
    """Whether a greeting's answer is that of a server which runs and takes no new connection."""
    # To a greeting `ERR` is a limit of clients, a wrong option or a wrong database.
    refusals = (redis.ResponseError, redis.AuthenticationError)
    return isinstance(error, refusals) or error.status_code == "ERR"
