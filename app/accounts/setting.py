"""The setting DEMO_ACCOUNTS: names and passwords, and who of them ADMINS may name."""

import re
from collections.abc import Collection

from backends import ConfigurationError

HASH = re.compile(r"(scrypt:\d+:\d+:\d+|pbkdf2:\w+(:\d+)?)\$[^$]+\$[0-9a-f]+")
"""One of Werkzeug's password hashes, as it is made."""

HOW_TO_WRITE = "write name:password, and commas between the accounts."


def read_accounts(text: str) -> dict[str, str]:
    """The password of each account, by its name. Raises `ValueError`."""
    accounts: dict[str, str] = {}
    for pair in filter(str.strip, text.split(",")):
        name, _, password = pair.partition(":")
        name = name.strip()
        if not name or not password:
            raise ValueError(HOW_TO_WRITE)
        if name in accounts:
            raise ValueError(f"the account {name!r} stands there twice. Leave one of them out.")
        if is_hash(password) and not HASH.fullmatch(password):
            raise ValueError(
                f"the password hash of {name!r} is not whole. In a shell write it between "
                "single quotes, in a compose file with $$ for each $."
            )
        accounts[name] = password
    if not accounts:
        raise ValueError(HOW_TO_WRITE)
    return accounts


def is_hash(password: str) -> bool:
    """Whether the text is one of Werkzeug's password hashes."""
    return password.startswith(("scrypt:", "pbkdf2:"))


def check_admins(admins: Collection[str], accounts: Collection[str]) -> None:
    """Raise `ConfigurationError` for an administrator without an account."""
    for name in admins:
        if name not in accounts:
            raise ConfigurationError(
                f"ADMINS: there is no account {name!r}. Name it in DEMO_ACCOUNTS, or leave it out."
            )
