"""The accounts: configured by `DEMO_ACCOUNTS`, their changes kept in a SQLite file.

An account that never changed has no row. The file is made at the start: one that is missing, empty
or an older copy later is an outage, because with it a disabled account could log in again.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import cast
from urllib.parse import quote

from flask import Flask, current_app, session
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.security import check_password_hash, generate_password_hash

from app.accounts.setting import is_hash
from app.config import PRODUCTION
from app.languages.texts import gettext
from app.state import state_of
from backends import ConfigurationError, lister_of
from backends.session import Session

LOCK_TIMEOUT_SECONDS = 1.0
"""For another process that writes the file."""

FILE_MODE = 0o600

DEFAULT_KIND = "scrypt"
"""Of the hash of a demo account's password, and Werkzeug's default."""

TABLE = """
CREATE TABLE IF NOT EXISTS account (
    name TEXT PRIMARY KEY,
    password TEXT,
    disabled INTEGER NOT NULL DEFAULT 0,
    epoch INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Account:
    """One account as it is now."""

    name: str
    password: str
    """Its hash, or the plain text of a demo account."""
    disabled: bool = False
    epoch: int = 0
    """Rises when all sessions of the account end: sessions with a lower epoch are over."""


def open_accounts(app: Flask) -> None:
    """Make the file if it is not there, and note that the accounts begin anew.

    Where none can be made, the accounts are those of `DEMO_ACCOUNTS`, and nothing can change them.
    Raises `ConfigurationError` for one that is there and cannot be used.
    """
    path: Path = app.config["ACCOUNTS_FILE"]
    holds_changes = False
    try:
        holds_changes = path.exists() and path.stat().st_size > 0
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(FILE_MODE)
        with closing(sqlite3.connect(path, timeout=LOCK_TIMEOUT_SECONDS)) as database, database:
            is_new = database.execute("SELECT 1 FROM sqlite_master").fetchone() is None
            database.execute(TABLE)
            changes = _count_changes(database)
    except (sqlite3.Error, OSError) as error:
        if holds_changes:  # a disabled account could log in again
            raise ConfigurationError(
                f"ACCOUNTS_FILE: {path} cannot be used ({error}). Put a good copy there, or move "
                "it away: the accounts begin anew then."
            ) from error
        app.logger.error("accounts unavailable: no change of %s can be kept: %s", path, error)
        return
    state = state_of(app)
    state.accounts_file, state.accounts_changes = _identify(path), changes
    state.accounts_begin_anew = is_new


def find_account(name: str) -> Account | None:
    """The account of that name, or `None`. Raises `ServiceUnavailable`."""
    configured: dict[str, str] = current_app.config["DEMO_ACCOUNTS"]
    if name not in configured:
        return None
    password, disabled, epoch = _read_row(name) or (None, 0, 0)
    return Account(name, password or configured[name], bool(disabled), epoch)


def check_accounts() -> None:
    """Read an account, as a login does. Raises `ServiceUnavailable`."""
    for name in list_account_names()[:1]:
        find_account(name)


def authenticate(name: str, password: str) -> Account | None:
    """The account if the password is right, even when it is disabled; else `None`.

    An unknown name takes as long as a known one: it is checked against a hash of a kind that some
    account has.
    """
    account = find_account(name)
    known = _hash(account.password) if account else _hash_of_nobody(_choose_kind(name))
    return account if check_password_hash(known, password) else None


def _choose_kind(name: str) -> str:
    """The kind of hash of one of the accounts, for the same name always the same."""
    kinds = [*map(_kind_of, current_app.config["DEMO_ACCOUNTS"].values())] or [DEFAULT_KIND]
    return kinds[sha256(name.encode("utf-8", "replace")).digest()[0] % len(kinds)]


def _kind_of(password: str) -> str:
    """The kind of a hash; the default for a plain password."""
    return password.partition("$")[0] if is_hash(password) else DEFAULT_KIND


def exists(name: str) -> bool:
    """Whether there is an account of that name."""
    return name in current_app.config["DEMO_ACCOUNTS"]


def is_admin(name: str) -> bool:
    """Whether the account may use the administrators' panel."""
    return exists(name) and name in current_app.config["ADMINS"]


def list_account_names() -> list[str]:
    """The names of all accounts."""
    return sorted(current_app.config["DEMO_ACCOUNTS"])


def list_demo_accounts() -> dict[str, str]:
    """Names and passwords to show on the login page; none in production."""
    if current_app.config["APP_PROFILE"] == PRODUCTION:
        return {}
    accounts: dict[str, str] = current_app.config["DEMO_ACCOUNTS"]
    return {name: password for name, password in accounts.items() if not is_hash(password)}


def change_password(name: str, password: str) -> None:
    """Store the hash of a new password, of the same kind as the configured one."""
    kind = _kind_of(current_app.config["DEMO_ACCOUNTS"].get(name, ""))
    _write(name, "password = ?", generate_password_hash(password, kind))


def disable(name: str) -> None:
    """Refuse its logins and end all its sessions (OWASP ASVS 5.0, 7.4.2)."""
    _write(name, "disabled = 1, epoch = epoch + 1")
    revoke_sessions(name)


def enable(name: str) -> None:
    """Accept its logins again; sessions that ended stay ended."""
    _write(name, "disabled = 0")


def end_sessions(name: str) -> None:
    """End every session of the account, also on backends that cannot revoke."""
    _write(name, "epoch = epoch + 1")
    revoke_sessions(name)


def end_other_sessions(name: str) -> None:
    """End every session of the account except the current one.

    That ends too if somebody else has ended all of them since this request began.
    """
    epoch = _write(name, "epoch = epoch + 1")
    if epoch == session["epoch"] + 1:
        session["epoch"] = epoch
    revoke_sessions(name, but_current=True)


def revoke_sessions(name: str, *, but_current: bool = False) -> int:
    """Delete the sessions where the store lists them; elsewhere the epoch alone ends them.

    Returns how many it deleted.
    """
    interface = lister_of(current_app)
    if interface is None:
        return 0
    kept = interface.handle_of(cast(Session, session)) if but_current else None
    handles = [owned.handle for owned in interface.sessions_of(name) if owned.handle != kept]
    return interface.revoke(name, handles)


def _read_row(name: str) -> tuple[str | None, int, int] | None:
    if state_of(current_app).accounts_file is None:
        return None
    with _open_file() as database:
        found: tuple[str | None, int, int] | None = database.execute(
            "SELECT password, disabled, epoch FROM account WHERE name = ?", (name,)
        ).fetchone()
        return found


def _write(name: str, assignment: str, *values: str) -> int:
    """Insert or update the account's row. Returns its new epoch."""
    change = f"UPDATE account SET {assignment} WHERE name = ? RETURNING epoch"  # noqa: S608 - a literal of ours, never input
    with _open_file() as database:
        database.execute("INSERT OR IGNORE INTO account (name) VALUES (?)", (name,))
        [(epoch,)] = database.execute(change, (*values, name)).fetchall()
        changes = _count_changes(database) + 1
        database.execute(f"PRAGMA user_version = {changes}")
    state = state_of(current_app)  # after the commit: a change that failed is none
    state.accounts_changes = max(changes, state.accounts_changes)
    return int(epoch)


@contextmanager
def _open_file() -> Iterator[sqlite3.Connection]:
    """Open the file for one transaction, but never make it: see `open_accounts`.

    Raises `ServiceUnavailable` if it cannot be read or written, so that nobody is let in.
    """
    path: Path = current_app.config["ACCOUNTS_FILE"]
    address = f"file:{quote(str(path.absolute()))}?mode=rw"
    try:
        opened = sqlite3.connect(address, timeout=LOCK_TIMEOUT_SECONDS, uri=True)
        with closing(opened) as database, database:
            _check_that_it_is_no_copy(path, database)
            yield database
    except (sqlite3.Error, OSError) as error:
        current_app.logger.error(
            "accounts unavailable: %s: %s. Put the file back; or start again with what is there.",
            path,
            error,
        )
        raise ServiceUnavailable(
            gettext("The accounts cannot be reached at the moment. Nothing was changed.")
        ) from error


def _check_that_it_is_no_copy(path: Path, database: sqlite3.Connection) -> None:
    """Raise `OSError` for another file than at the start, and for one that lost changes."""
    state = state_of(current_app)
    known = state.accounts_changes  # read first: another thread may make a change meanwhile
    changes = _count_changes(database)
    if state.accounts_file not in (None, _identify(path)) or changes < known:
        raise OSError("it is another file than before, or an older copy")
    state.accounts_changes = max(changes, known)


def _identify(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _count_changes(database: sqlite3.Connection) -> int:
    """How often the accounts changed since the file was made."""
    [(changes,)] = database.execute("PRAGMA user_version").fetchall()
    return int(changes)


@lru_cache(maxsize=8)
def _hash_of_nobody(kind: str) -> str:
    return generate_password_hash("nobody's", kind)


@lru_cache(maxsize=64)
def _hash(password: str) -> str:
    return password if is_hash(password) else generate_password_hash(password)
