"""What a backend reads from `app.config`, and the one error for a setting that cannot be."""

from datetime import timedelta

from flask import Flask
from itsdangerous import want_bytes

DEFAULT_KEY_PREFIX = "session:"


class ConfigurationError(ValueError):
    """A setting is missing or cannot be used. The message is one line for whoever set it."""


def idle_seconds(app: Flask) -> float:
    """How long an unused session lives: Flask's `PERMANENT_SESSION_LIFETIME`, permanent or not."""
    return app.permanent_session_lifetime.total_seconds()


def absolute_seconds(app: Flask) -> float:
    """How long a session lives however much it is used: `SESSION_ABSOLUTE_LIFETIME`.

    Seconds or a `timedelta`; unset means without limit (OWASP ASVS 5.0, 7.3.2 asks for one).
    """
    limit = app.config.get("SESSION_ABSOLUTE_LIFETIME")
    if limit is None:
        return float("inf")
    return limit.total_seconds() if isinstance(limit, timedelta) else float(limit)


def owner_key(app: Flask) -> str | None:
    """The session key that says whose a session is: `SESSION_OWNER`, such as `"user"`.

    Unset, sessions belong to nobody and cannot be listed.
    """
    return app.config.get("SESSION_OWNER")


def most_sessions(app: Flask) -> int | None:
    """How many sessions one owner may have at a time: `SESSION_MAX_PER_OWNER`, or any number."""
    return app.config.get("SESSION_MAX_PER_OWNER")


def key_prefix(app: Flask) -> str:
    """What every key in Redis begins with: `SESSION_KEY_PREFIX`, as in Flask-Session."""
    return str(app.config.get("SESSION_KEY_PREFIX", DEFAULT_KEY_PREFIX))


def signing_keys(app: Flask) -> tuple[bytes, ...]:
    """The keys oldest first, as itsdangerous takes them: `SECRET_KEY_FALLBACKS`, `SECRET_KEY`.

    Empty without a secret key.
    """
    if not app.secret_key:
        return ()
    keys = (*(app.config.get("SECRET_KEY_FALLBACKS") or ()), app.secret_key)
    return tuple(want_bytes(key) for key in keys)


def token_salt(app: Flask, cookie_name: str) -> str:
    """What a token is signed for: this application and this cookie.

    Another application with the same secret key, and another cookie of this one, make other
    signatures (OWASP ASVS 5.0, 9.2.3).
    """
    return f"session {app.name} {cookie_name}"
