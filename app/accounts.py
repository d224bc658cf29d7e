"""Who may log in."""

from functools import lru_cache

from flask import current_app
from werkzeug.security import check_password_hash, generate_password_hash

from app.config import PRODUCTION, is_hash


def password_is_right(name: str, password: str) -> bool:
    """Whether the account exists and this is its password; an unknown name takes as long."""
    accounts: dict[str, str] = current_app.config["DEMO_ACCOUNTS"]
    known = _hashed(accounts.get(name, "nobody's"))
    return check_password_hash(known, password) and name in accounts


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


@lru_cache(maxsize=64)
def _hashed(password: str) -> str:
    return password if is_hash(password) else generate_password_hash(password)
