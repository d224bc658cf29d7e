"""Who may log in, and what has become of an account since it was configured.

`DEMO_ACCOUNTS` says which accounts there are and their first passwords. A small SQLite file keeps
what changed since; an account that never changed has no row, and no change no file.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

from flask import current_app, session
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.security import check_password_hash, generate_password_hash

from app.config import PRODUCTION, is_hash
from backends.interface import StoreInterface
from backends.session import Session

PATIENCE = 1.0
"""Seconds to wait for another process that writes the file."""

FILE_MODE = 0o600

TABLE = """
CREATE TABLE IF NOT EXISTS account (
    name TEXT PRIMARY KEY,
    password TEXT,
    disabled INTEGER NOT NULL DEFAULT 0,
    epoch INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID
"""


class AccountsUnavailable(ServiceUnavailable):
    """The file of the accounts cannot be read or written: a 503, and nobody is let in."""

    def __init__(self, reason: Exception) -> None:
        super().__init__("The accounts cannot be reached at the moment. Nothing was changed.")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Account:
    """One account as it is now."""

    name: str
    password: str
    """Its hash, or the plain text of a demo account."""
    disabled: bool = False
    epoch: int = 0
    """Rises when all sessions of the account end: those that began at a lower one are over."""


def account_of(name: str) -> Account | None:
    """The account of that name, or `None`. Raises `AccountsUnavailable`."""
    configured: dict[str, str] = current_app.config["DEMO_ACCOUNTS"]
    if name not in configured:
        return None
    password, disabled, epoch = _row(name) or (None, 0, 0)
    return Account(name, password or configured[name], bool(disabled), epoch)


def authenticate(name: str, password: str) -> Account | None:
    """The account whose password this is; an unknown name takes as long. It may be disabled."""
    account = account_of(name)
    known = _hashed(account.password if account else "nobody's")
    return account if check_password_hash(known, password) else None


def exists(name: str) -> bool:
    """Whether there is an account of that name."""
    return name in current_app.config["DEMO_ACCOUNTS"]


def is_admin(name: str) -> bool:
    """Whether the account may see the panel of the administrators."""
    return exists(name) and name in current_app.config["ADMINS"]


def account_names() -> list[str]:
    """Every account there is."""
    return sorted(current_app.config["DEMO_ACCOUNTS"])


def shown_accounts() -> dict[str, str]:
    """Names and passwords to print on the login page; none outside a development run."""
    if current_app.config["APP_PROFILE"] == PRODUCTION:
        return {}
    accounts: dict[str, str] = current_app.config["DEMO_ACCOUNTS"]
    return {name: password for name, password in accounts.items() if not is_hash(password)}


def change_password(name: str, password: str) -> None:
    """Take a new password from now on."""
    _write(name, "password = ?", generate_password_hash(password))


def disable(name: str) -> None:
    """Let the account in no longer, and end every session it has (OWASP ASVS 5.0, 7.4.2)."""
    _write(name, "disabled = 1, epoch = epoch + 1")
    _revoke(name, but=None)


def enable(name: str) -> None:
    """Let the account in again; the sessions that ended stay ended."""
    _write(name, "disabled = 0")


def end_sessions(name: str) -> None:
    """End every session of the account, on backends that cannot revoke too."""
    _write(name, "epoch = epoch + 1")
    _revoke(name, but=None)


def end_other_sessions(name: str) -> None:
    """End every session of the account but the one at hand."""
    session["epoch"] = _write(name, "epoch = epoch + 1")
    _revoke(name, but=cast(Session, session))


def _revoke(name: str, but: Session | None) -> None:
    """Take ended sessions out of a store that lists them; elsewhere the epoch alone ends them."""
    interface = current_app.session_interface
    if not isinstance(interface, StoreInterface):
        return
    kept = interface.handle_of(but) if but is not None else None
    handles = [owned.handle for owned in interface.sessions_of(name)]
    interface.revoke(name, [handle for handle in handles if handle != kept])


def _row(name: str) -> tuple[str | None, int, int] | None:
    path = _file()
    if not path.exists():
        return None
    with _opened(path) as database:
        found: tuple[str | None, int, int] | None = database.execute(
            "SELECT password, disabled, epoch FROM account WHERE name = ?", (name,)
        ).fetchone()
        return found


def _write(name: str, assignment: str, *values: str) -> int:
    """Change the row, which is made where there is none. The epoch from now on."""
    # `assignment` is one of the texts above, never anything from outside.
    change = f"UPDATE account SET {assignment} WHERE name = ? RETURNING epoch"  # noqa: S608
    with _opened(_file()) as database:
        database.execute("INSERT OR IGNORE INTO account (name) VALUES (?)", (name,))
        [(epoch,)] = database.execute(change, (*values, name)).fetchall()
        return int(epoch)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The file as one transaction, made for its owner alone where it is not there yet."""
    try:
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(FILE_MODE)
        with closing(sqlite3.connect(path, timeout=PATIENCE)) as database, database:
            database.execute(TABLE)
            yield database
    except (sqlite3.Error, OSError) as error:
        current_app.logger.error("accounts unavailable: %s", error)
        raise AccountsUnavailable(error) from error


def _file() -> Path:
    path: Path = current_app.config["ACCOUNTS_FILE"]
    return path


@lru_cache(maxsize=64)
def _hashed(password: str) -> str:
    return password if is_hash(password) else generate_password_hash(password)
