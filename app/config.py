"""The environment variables: name, meaning, default and check of each."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote, urlsplit

from app.accounts.setting import check_admins, is_hash, read_accounts
from app.secret_key import HOW_TO_MAKE_ONE, find_weakness, load_or_create_secret
from backends import BACKENDS, BUILT_IN, ConfigurationError

PRODUCTION = "production"

STOCK_BEFORE = {
    "flask": "flask-cookie",
    "flask-session": "flask-session-redis",
    "flask-session-pickle": "flask-session-filesystem",
}
"""The stock backend whose sessions are taken over, by the value of `SESSION_MIGRATE_FROM`."""

GIVE_AN_ADDRESS = "Give one of this machine: 127.0.0.1, ::1, or 0.0.0.0 for all that it has."

INSTANCE = Path("instance")
"""The folder for sessions as files, the accounts, and the secret key of a development run."""


@dataclass(frozen=True)
class Variable:
    """One environment variable. `read` turns its text into the value or raises `ValueError`."""

    name: str
    meaning: str
    read: Callable[[str], Any]
    default: str = ""
    """If it is empty, an empty text is read as `None`."""
    shown_default: str = ""
    """The default in words, where its text would not explain it."""


def _choice(*names: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in names:
            raise ValueError(f"{text!r} is not known. Choose one of: {', '.join(names)}.")
        return text

    return read


def _backend(text: str) -> str:
    return _choice(*BACKENDS)(text)  # asked late: other packages may bring some


def _whole_number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise ValueError(f"{text!r} is not a whole number from {least} to {most}.")
        return int(text)

    return read


def _switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError(f"{text!r} is neither on nor off.")
    return text == "on"


def _secret(text: str) -> str:
    weakness = find_weakness(text)
    if weakness:
        raise ValueError(f"{weakness}. {HOW_TO_MAKE_ONE}")
    return text


def _secrets(text: str) -> list[str]:
    keys = _list(text)
    for number, key in enumerate(keys, 1):
        weakness = find_weakness(key)
        if weakness:
            raise ValueError(
                f"of key {number}, {weakness}. Leave it out: whoever guesses it logs in."
            )
    return keys


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no day. Write it as 2027-01-31.") from None


def _address(text: str) -> str:
    urlsplit(text)  # raises ValueError for an invalid address
    return text


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _hosts(text: str) -> list[str]:
    names = _list(text)
    for name in names:
        if not re.fullmatch(r"\.?[^\W_][\w-]*(\.[^\W_][\w-]*)*(:\d+)?", name):
            raise ValueError(
                f"{name!r} is no name of a host: write shop.example.com, or .example.com for all."
            )
    return names


def _address_to_listen_on(text: str) -> str:
    if not re.fullmatch(r"[\w.:%-]+", text):
        raise ValueError(f"{text!r} is no address. {GIVE_AN_ADDRESS}")
    return text


VARIABLES = (
    Variable(
        "SESSION_BACKEND",
        f"The session backend: {', '.join(f'`{name}`' for name in BUILT_IN)}, or the name of one "
        "that another package brings.",
        _backend,
        shown_default="all of them, side by side",
    ),
    Variable(
        "REDIS_URL",
        "The Redis server: `redis://`, `rediss://` or `unix://`; several of them: "
        "`redis+sentinel://host:port,host:port/service/db` or `redis+cluster://host:port,…`, "
        "with TLS `rediss+…`.",
        _address,
        shown_default="embedded: inside this process, gone when it ends",
    ),
    Variable(
        "REDIS_PASSWORD_FILE",
        "A file with the password of `REDIS_URL`, as Docker's secrets are.",
        Path,
        shown_default="none",
    ),
    Variable(
        "SESSION_FILE_DIR",
        "The folder below which sessions are kept as files, a folder for each backend.",
        Path,
        default=str(INSTANCE / "sessions"),
    ),
    Variable(
        "SECRET_KEY",
        "Signs or encrypts the cookies. Whoever has it can forge them. Required in production.",
        _secret,
        shown_default=f"made once, kept in `{INSTANCE}/secret_key`",
    ),
    Variable(
        "SECRET_KEY_FALLBACKS",
        "Earlier keys, oldest first, commas between: they still read, and no longer sign.",
        _secrets,
        shown_default="none",
    ),
    Variable(
        "SESSION_IDLE_SECONDS",
        "A session that nobody uses for so long ends.",
        _whole_number(1, 14 * 24 * 3600),
        default="1800",
    ),
    Variable(
        "SESSION_ABSOLUTE_SECONDS",
        "A session ends so long after login, however much it is used.",
        _whole_number(1, 14 * 24 * 3600),
        default="28800",
    ),
    Variable(
        "SESSION_REMEMBERED_SECONDS",
        "A session of somebody who asked to be kept logged in ends so long after the login, used "
        "or not.",
        _whole_number(1, 90 * 24 * 3600),
        default=str(14 * 24 * 3600),
    ),
    Variable(
        "SESSION_MIGRATE_FROM",
        "Keeps those logged in who were on a stock backend before: `flask` on `flask-cookie`, "
        "`flask-session` on `flask-session-redis`, `flask-session-pickle` on "
        "`flask-session-filesystem`.",
        _choice(*STOCK_BEFORE),
        shown_default="nobody",
    ),
    Variable(
        "SESSION_MIGRATE_UNTIL",
        "The last day of that, as in `2027-01-31`. Required with it.",
        _day,
        shown_default="none",
    ),
    Variable(
        "SESSION_MAX_PER_USER",
        "How many sessions a user may have at a time: one more ends their oldest. Not kept by "
        "backends that cannot list sessions.",
        _whole_number(1, 1000),
        shown_default="any number",
    ),
    Variable(
        "APP_PROFILE",
        "`development`, or `production`: cookies `Secure` and `__Host-`, HTTPS only, "
        "no demo accounts.",
        _choice("development", PRODUCTION),
        default="development",
    ),
    Variable(
        "DEMO_ACCOUNTS",
        "Accounts as `name:password`, commas between; in production a Werkzeug password hash "
        "in the password's place.",
        read_accounts,
        default="alice:wonderland,bob:builder",
    ),
    Variable(
        "ADMINS",
        "The accounts that may open the admin panel, commas between; in production nobody unless "
        "named.",
        _list,
        default="alice",
    ),
    Variable(
        "ACCOUNTS_FILE",
        "The SQLite file of what changed in the accounts: passwords, and which are disabled.",
        Path,
        default=str(INSTANCE / "accounts.sqlite3"),
    ),
    Variable(
        "ALLOWED_HOSTS",
        "The names that it is served under, commas between; `.example.com` is every name below "
        "that. Required in production.",
        _hosts,
        shown_default="`localhost`, IP addresses and `HOST`",
    ),
    Variable(
        "REQUEST_SECONDS",
        "A request that has not arrived after so long is dropped, and an answer of which nobody "
        "reads more.",
        _whole_number(1, 120),
        default="10",
    ),
    Variable(
        "PROXY_COUNT",
        "How many reverse proxies stand in front and set `X-Forwarded-*`.",
        _whole_number(0, 10),
        default="0",
    ),
    Variable(
        "LAB",
        "The laboratory's pages, `/lab`: `on` or `off`.",
        _switch,
        shown_default="`on` in development, `off` in production",
    ),
    Variable("HOST", "The address to listen on.", _address_to_listen_on, default="127.0.0.1"),
    Variable("PORT", "The port to listen on.", _whole_number(1, 65535), default="5000"),
    Variable(
        "WEB_CONCURRENCY",
        "Worker processes. The embedded Redis allows one.",
        _whole_number(1, 64),
        default="1",
    ),
)


def read_settings(given: Mapping[str, Any], makes_key: bool = True) -> dict[str, Any]:
    """Every variable's value: from `given`, else from the environment, else its default.

    Text is parsed and checked; other values are taken as they are. Without `makes_key` a missing
    secret key is made up and not kept, for what signs nothing.
    Raises `ConfigurationError` with one line that names the variable and what to do.
    """
    settings = {variable.name: _value(variable, given) for variable in VARIABLES}
    if settings["REDIS_PASSWORD_FILE"]:
        settings["REDIS_URL"] = _with_password(settings["REDIS_URL"], _read_password(settings))
    if settings["APP_PROFILE"] == PRODUCTION:
        _check_production(settings, given)
    if _is_set("ADMINS", given):
        check_admins(settings["ADMINS"], settings["DEMO_ACCOUNTS"])
    elif settings["APP_PROFILE"] == PRODUCTION:
        settings["ADMINS"] = []  # the default is a demo account's name
    if settings["LAB"] is None:
        settings["LAB"] = settings["APP_PROFILE"] != PRODUCTION
    _check_embedded(settings)
    if settings["SESSION_MIGRATE_FROM"] and settings["SESSION_BACKEND"] is None:
        raise ConfigurationError(
            "SESSION_MIGRATE_FROM is set without SESSION_BACKEND: name the backend to move to."
        )
    if settings["SECRET_KEY"] is None:
        kept = INSTANCE / "secret_key"
        is_kept = makes_key or kept.exists()
        settings["SECRET_KEY"] = load_or_create_secret(kept) if is_kept else token_hex(32)
    return settings


def is_embedded(settings: Mapping[str, Any]) -> bool:
    """Whether the sessions in Redis are kept inside this process and end with it."""
    backend = settings["SESSION_BACKEND"]
    on_redis = backend is None or BACKENDS[backend].on_redis
    return on_redis and not settings["REDIS_URL"]


def _value(variable: Variable, given: Mapping[str, Any]) -> Any:
    value = given.get(variable.name, os.environ.get(variable.name, ""))
    if not isinstance(value, str):
        return value
    if not value.strip():  # blanks too: with them HOST would be every address of the machine
        value = variable.default
    if not value:
        return None
    try:
        if re.search("[\ud800-\udfff]", value) and variable.read is not Path:
            raise ValueError("its value is no UTF-8.")
        return variable.read(value.strip())
    except ConfigurationError:
        raise  # from a package that brings a backend: the variable is not at fault
    except ValueError as error:
        raise ConfigurationError(f"{variable.name}: {error}") from error


def _check_production(settings: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    if settings["SECRET_KEY"] is None:
        raise ConfigurationError(
            f"SECRET_KEY is missing: production needs one of its own. {HOW_TO_MAKE_ONE}"
        )
    if not settings["ALLOWED_HOSTS"]:
        raise ConfigurationError(
            "ALLOWED_HOSTS is missing: production answers to its own names only. Name them, as in "
            "ALLOWED_HOSTS=shop.example.com."
        )
    if is_embedded(settings):
        raise ConfigurationError(
            "REDIS_URL is missing: production does not keep sessions inside the process."
        )
    if not _is_set("DEMO_ACCOUNTS", given):
        raise ConfigurationError("DEMO_ACCOUNTS is missing: production has no accounts of its own.")
    if not all(is_hash(password) for password in settings["DEMO_ACCOUNTS"].values()):
        raise ConfigurationError(
            "DEMO_ACCOUNTS holds a plain password: production takes Werkzeug's password hashes."
        )
    if settings["REDIS_URL"] and not _is_protected(settings["REDIS_URL"]):
        raise ConfigurationError(
            "REDIS_URL names another machine without a password: "
            "give redis://:password@host or rediss://:password@host."
        )


def _is_set(name: str, given: Mapping[str, Any]) -> bool:
    value = given.get(name, os.environ.get(name, ""))
    return not isinstance(value, str) or bool(value.strip())


def _read_password(settings: Mapping[str, Any]) -> str:
    path: Path = settings["REDIS_PASSWORD_FILE"]
    try:
        password = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ConfigurationError(
            f"REDIS_PASSWORD_FILE: {path} cannot be read: {reason}."
        ) from error
    if not password:
        raise ConfigurationError(f"REDIS_PASSWORD_FILE: {path} is empty. Write the password there.")
    return password


def _with_password(url: str | None, password: str) -> str:
    """The address with the password in its place. Raises `ConfigurationError` if there is none."""
    if not url:
        raise ConfigurationError("REDIS_PASSWORD_FILE is set without a REDIS_URL. Set both.")
    parts = urlsplit(url)
    user, _, address = parts.netloc.rpartition("@")
    if ":" in user:
        raise ConfigurationError(
            "REDIS_PASSWORD_FILE: REDIS_URL has a password already. Leave one of them out."
        )
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{address}").geturl()


def _is_protected(url: str) -> bool:
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    names = {urlsplit(f"//{host}").hostname for host in hosts.split(",")}
    return names <= {None, "localhost", "127.0.0.1", "::1"} or bool(credentials.partition(":")[2])


def _check_embedded(settings: Mapping[str, Any]) -> None:
    if is_embedded(settings) and settings["WEB_CONCURRENCY"] > 1:
        raise ConfigurationError(
            f"WEB_CONCURRENCY={settings['WEB_CONCURRENCY']}: the embedded Redis lives in one "
            "process, and a second would not know its sessions. Set REDIS_URL, or use 1."
        )
