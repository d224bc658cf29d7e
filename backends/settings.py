"""The settings that backends read, and the error for an invalid one."""

import os
import re
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from sys import maxsize
from typing import Any, TypeVar

from flask import Flask
from itsdangerous import want_bytes

from backends.loaded_session import field_name

DEFAULT_KEY_PREFIX = "session:"
DEFAULT_MAX_BYTES = 4 * 1024 * 1024

LARGEST_MAX_BYTES = 16 * 1024 * 1024
"""What any store writes and reads again within the time of a step."""

MAX_LIFETIME_SECONDS = 100_000_000_000
"""3,000 years: with more, the end of a session is no date any more."""

LONGEST_SECONDS = 6_000_000_000
"""190 years, and what a longer lifetime means: a record's last year is 2318, and a session that
cannot be prolonged as far as its lifetime goes would be prolonged by each page."""

DEFAULT_ID_BYTES = 32
"""Random bytes of an id, as in Flask-Session."""

MIN_ID_BYTES, MAX_ID_BYTES = 16, 256
"""128 bits (OWASP ASVS 5.0, 7.2.3), and what fits into a cookie with all else."""

COOKIE_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
"""A token (RFC 6265, 4.1.1): servers and browsers read any other name differently."""


class ConfigurationError(ValueError):
    """A setting is missing or invalid. The message is one line that says what to do."""


def session_folder(app: Flask) -> Path:
    """The folder in `SESSION_FILE_DIR`. Raises `ConfigurationError` if unset."""
    folder = app.config.get("SESSION_FILE_DIR")
    if not folder:
        raise ConfigurationError("SESSION_FILE_DIR is not set: name the folder for the sessions.")
    try:
        path = Path(folder)
        os.fsencode(path)
    except (TypeError, UnicodeEncodeError):
        path = Path("\0")
    if "\0" in str(path):
        raise ConfigurationError(f"SESSION_FILE_DIR={folder!r} is no path: name a folder.")
    return path


def unwritable_folder(folder: Path, error: OSError) -> ConfigurationError:
    """The error for a `SESSION_FILE_DIR` that cannot be created or written."""
    return ConfigurationError(
        f"SESSION_FILE_DIR: sessions cannot be written to {folder} ({error.strerror}). "
        "Give a folder that this user may write."
    )


def missing_extra(what: str, extra: str, error: ImportError) -> ConfigurationError:
    """The error where a library is missing or too old that an extra of this package brings."""
    return ConfigurationError(
        f"{what} cannot be loaded ({error}): pip install './session-lab[{extra}]'."
    )


def idle_seconds(app: Flask, permanent: bool = False) -> float:
    """The life of an unused session: `PERMANENT_SESSION_LIFETIME`, permanent or not.

    `SESSION_REMEMBERED_LIFETIME`, if set, is both limits of a permanent session: "keep me logged
    in" does not make every session long.
    """
    remembered = _seconds(app, "SESSION_REMEMBERED_LIFETIME") if permanent else None
    limit = remembered or _seconds(app, "PERMANENT_SESSION_LIFETIME")
    if limit is None:
        raise ConfigurationError("PERMANENT_SESSION_LIFETIME=None: give seconds or a timedelta.")
    return limit


def absolute_seconds(app: Flask, permanent: bool = False) -> float:
    """How long a session lives even if it is used: `SESSION_ABSOLUTE_LIFETIME`.

    Seconds or a `timedelta`; no limit if unset (OWASP ASVS 5.0, 7.3.2 asks for one).
    """
    remembered = _seconds(app, "SESSION_REMEMBERED_LIFETIME") if permanent else None
    return remembered or _seconds(app, "SESSION_ABSOLUTE_LIFETIME") or float("inf")


def longest_seconds(app: Flask) -> float:
    """How long any session lives even if it is used."""
    return max(absolute_seconds(app), absolute_seconds(app, permanent=True))


def _seconds(app: Flask, name: str) -> float | None:
    """The seconds of a lifetime; `None` if it is unset."""
    limit = app.config.get(name)
    if limit is None:
        return None
    seconds = limit.total_seconds() if isinstance(limit, timedelta) else limit
    return min(_number(name, seconds, float, (0.001, MAX_LIFETIME_SECONDS)), LONGEST_SECONDS)


Number = TypeVar("Number", int, float)


def _number(name: str, value: Any, kind: type[Number], bounds: tuple[float, float]) -> Number:
    """The number of a setting, which may be text from the environment."""
    try:
        number = kind(value)
    except (TypeError, ValueError, OverflowError):
        number = kind(0)  # below all bounds
    least, most = bounds
    if isinstance(value, bool) or not least <= number <= most:
        raise ConfigurationError(f"{name}={value!r} is no number from {least:,} to {most:,}.")
    return number


def id_bytes(app: Flask) -> int:
    """The random bytes of an id in a store: `SESSION_ID_LENGTH`, as in Flask-Session."""
    length = app.config.get("SESSION_ID_LENGTH")
    if length is None:
        return DEFAULT_ID_BYTES
    return _number("SESSION_ID_LENGTH", length, int, (MIN_ID_BYTES, MAX_ID_BYTES))


def is_on(app: Flask, name: str, default: bool) -> bool:
    """Whether a setting is true. Text is refused: `bool("False")` would be true."""
    value = app.config.get(name, default)
    if isinstance(value, str):
        raise ConfigurationError(f"{name}={value!r} is text: give True or False.")
    return bool(value)


def key_prefix(app: Flask) -> str:
    """The prefix of every key in Redis: `SESSION_KEY_PREFIX`, as in Flask-Session."""
    return _text("SESSION_KEY_PREFIX", app.config.get("SESSION_KEY_PREFIX", DEFAULT_KEY_PREFIX))


def _text(name: str, value: Any) -> str:
    """The text of a setting, which tokens and keys are made of."""
    try:
        value.encode()
    except (AttributeError, UnicodeEncodeError):  # as of an environment variable with other bytes
        raise ConfigurationError(f"{name}={value!a} is no text in UTF-8.") from None
    return str(value)


def check_cookie_name(app: Flask) -> None:
    """Raise `ConfigurationError` for a name under which no browser gives a cookie back."""
    name = app.config["SESSION_COOKIE_NAME"]
    if not isinstance(name, str) or not COOKIE_NAME.fullmatch(name):
        raise ConfigurationError(
            f"SESSION_COOKIE_NAME={name!r} is no name of a cookie: take letters, digits, - and _."
        )


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
        self.owner = _owner_key(app)
        """The session key that holds the owner, such as `"user"`.

        If unset, sessions have no owner and cannot be listed.
        """
        self.owner_field = field_name(self.owner) if self.owner else None
        """The field of a record that holds the owner."""
        limit = config.get("SESSION_MAX_PER_OWNER")
        self.max_sessions = (
            None if limit is None else _number("SESSION_MAX_PER_OWNER", limit, int, (1, maxsize))
        )
        """How many sessions an owner may have: no limit if unset."""
        most = config.get("SESSION_MAX_BYTES", DEFAULT_MAX_BYTES)
        self.max_bytes = _number("SESSION_MAX_BYTES", most, int, (1, LARGEST_MAX_BYTES))
        """How large a session in a store may become."""
        self.keeps_visitor = is_on(app, "SESSION_KEEP_VISITOR", default=True)
        """Whether an owned session keeps the browser and the address that it began with.

        They are kept as long as the session.
        """
        self.name = _text("SESSION_APP_NAME", config.get("SESSION_APP_NAME") or app.name)
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
    try:
        values = (app.json, *map(get, WATCHED), *(get("SECRET_KEY_FALLBACKS") or ()))
    except TypeError:
        raise ConfigurationError(NO_KEYS) from None
    return known if known is not None and known.values == values else Settings(app, values)


def _owner_key(app: Flask) -> str | None:
    name = app.config.get("SESSION_OWNER")
    if name is not None and not isinstance(name, str):
        raise ConfigurationError(
            f"SESSION_OWNER={name!r} is no text: name the session key that holds the user."
        )
    return name or None


NO_KEYS = "SECRET_KEY_FALLBACKS is no list of keys: give the earlier ones as [key, key]."


def _signing_keys(app: Flask) -> tuple[bytes, ...]:
    """`SECRET_KEY_FALLBACKS`, then `SECRET_KEY`: the order that itsdangerous takes.

    Empty without a secret key. Raises `ConfigurationError` for one that anybody can guess: each
    character of a text would be a key, and so would the nothing that is left of an empty variable.
    """
    if not app.secret_key:
        return ()
    older: Any = app.config.get("SECRET_KEY_FALLBACKS") or ()
    # One that can be gone through only once would have no keys from the second time.
    if isinstance(older, str | bytes) or not isinstance(older, Collection):
        raise ConfigurationError(NO_KEYS)
    return (
        *(_key("SECRET_KEY_FALLBACKS", key) for key in older),
        _key("SECRET_KEY", app.secret_key),
    )


def _key(name: str, key: Any) -> bytes:
    """The key's bytes. No message shows a key."""
    try:
        encoded = want_bytes(key)
    except UnicodeEncodeError:
        encoded = b""
    if not encoded or not isinstance(encoded, bytes):
        raise ConfigurationError(f"{name}: a key is text in UTF-8 or bytes, and never empty.")
    return encoded
