"""The settings that backends read, and the error for an invalid one."""

from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from flask import Flask
from itsdangerous import want_bytes

DEFAULT_KEY_PREFIX = "session:"
DEFAULT_MAX_BYTES = 4 * 1024 * 1024


class ConfigurationError(ValueError):
    """A setting is missing or invalid. The message is one line that says what to do."""


def session_folder(app: Flask) -> Path:
    """The folder in `SESSION_FILE_DIR`. Raises `ConfigurationError` if unset."""
    folder = app.config.get("SESSION_FILE_DIR")
    if not folder:
        raise ConfigurationError("SESSION_FILE_DIR is not set: name the folder for the sessions.")
    return Path(folder)


def unwritable_folder(folder: Path, error: OSError) -> ConfigurationError:
    """The error for a `SESSION_FILE_DIR` that cannot be created or written."""
    return ConfigurationError(
        f"SESSION_FILE_DIR: sessions cannot be written to {folder} ({error.strerror}). "
        "Give a folder that this user may write."
    )


def missing_extra(what: str, extra: str, error: ImportError) -> ConfigurationError:
    """The error where a library is missing or too old that an extra of this package brings."""
    return ConfigurationError(
        f"{what} cannot be loaded ({error}): pip install 'session-lab[{extra}]'."
    )


def idle_seconds(app: Flask, permanent: bool = False) -> float:
    """The life of an unused session: `PERMANENT_SESSION_LIFETIME`, permanent or not.

    `SESSION_REMEMBERED_LIFETIME`, if set, is both limits of a permanent session: "keep me logged
    in" does not make every session long.
    """
    if permanent and (remembered := _seconds(app, "SESSION_REMEMBERED_LIFETIME")) is not None:
        return remembered
    return app.permanent_session_lifetime.total_seconds()


def absolute_seconds(app: Flask, permanent: bool = False) -> float:
    """How long a session lives even if it is used: `SESSION_ABSOLUTE_LIFETIME`.

    Seconds or a `timedelta`; no limit if unset (OWASP ASVS 5.0, 7.3.2 asks for one).
    """
    limit = _seconds(app, "SESSION_REMEMBERED_LIFETIME") if permanent else None
    if limit is None:
        limit = _seconds(app, "SESSION_ABSOLUTE_LIFETIME")
    return float("inf") if limit is None else limit


def longest_seconds(app: Flask) -> float:
    """How long any session lives even if it is used."""
    return max(absolute_seconds(app), absolute_seconds(app, permanent=True))


def _seconds(app: Flask, name: str) -> float | None:
    limit = app.config.get(name)
    if isinstance(limit, timedelta):
        return limit.total_seconds()
    return limit and _number(name, limit, float)


Number = TypeVar("Number", int, float)


def _number(name: str, value: Any, kind: type[Number]) -> Number:
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise ConfigurationError(f"{name}={value!r} is no number.") from None


def key_prefix(app: Flask) -> str:
    """The prefix of every key in Redis: `SESSION_KEY_PREFIX`, as in Flask-Session."""
    return str(app.config.get("SESSION_KEY_PREFIX", DEFAULT_KEY_PREFIX))


WATCHED = (
    *("PERMANENT_SESSION_LIFETIME", "SESSION_REMEMBERED_LIFETIME", "SESSION_ABSOLUTE_LIFETIME"),
    *("SESSION_OWNER", "SESSION_MAX_PER_OWNER", "SESSION_MAX_BYTES", "SESSION_KEEP_VISITOR"),
    *("SESSION_APP_NAME", "SECRET_KEY"),
)
"""With `SECRET_KEY_FALLBACKS`, the settings that `Settings` are computed from."""


class Settings:
    """What sessions depend on in an application's configuration, computed once for its values."""

    def __init__(self, app: Flask, values: tuple[object, ...]) -> None:
        config = app.config
        self.values = values
        self.idle = idle_seconds(app), idle_seconds(app, permanent=True)
        """By whether a session is permanent, as in `absolute`."""
        self.absolute = absolute_seconds(app), absolute_seconds(app, permanent=True)
        self.owner: str | None = config.get("SESSION_OWNER")
        """The session key that holds the owner, such as `"user"`.

        If unset, sessions have no owner and cannot be listed.
        """
        self.max_sessions: int | None = config.get("SESSION_MAX_PER_OWNER")
        """How many sessions an owner may have: no limit if unset."""
        most = config.get("SESSION_MAX_BYTES", DEFAULT_MAX_BYTES)
        self.max_bytes = _number("SESSION_MAX_BYTES", most, int)
        """How large a session in a store may become."""
        self.keeps_visitor = bool(config.get("SESSION_KEEP_VISITOR", True))
        """Whether an owned session keeps the browser and the address that it began with.

        They are kept as long as the session.
        """
        self.name = str(config.get("SESSION_APP_NAME") or app.name)
        """The application in the salt of a token's signature.

        A token of another application with the same secret key is not accepted (OWASP ASVS 5.0,
        9.2.3). The setting is the same for applications that share their sessions, and stays when
        one is renamed.
        """
        self.keys = _signing_keys(app)
        self.signers: dict[str, Any] = {}
        """What a backend signs with by these keys, by the cookie's name."""


def current_settings(app: Flask, known: Settings | None) -> Settings:
    """`known` if the configuration has the same values still, or else those that it has now."""
    get = app.config.get
    values = (app.name, *map(get, WATCHED), *(get("SECRET_KEY_FALLBACKS") or ()))
    return known if known is not None and known.values == values else Settings(app, values)


def _signing_keys(app: Flask) -> tuple[bytes, ...]:
    """`SECRET_KEY_FALLBACKS`, then `SECRET_KEY`: the order that itsdangerous takes.

    Empty without a secret key.
    """
    if not app.secret_key:
        return ()
    keys = (*(app.config.get("SECRET_KEY_FALLBACKS") or ()), app.secret_key)
    return tuple(want_bytes(key) for key in keys)
