"""The keys that sign cookies: how strong each must be, and the one that a development run keeps."""

import os
import secrets
import tempfile
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from backends import ConfigurationError

MIN_CHARACTERS = 32
"""32 hexadecimal digits are the 128 bits that OWASP ASVS 5.0, 11.5.1 asks for."""

MIN_VARIETY = 8
"""Different characters. Of 32 random hexadecimal digits one key in ten million has fewer."""

MOST_STEPS = 2 / 3
"""Of the pairs of neighbours, those that are equal or follow each other: `abcdef`, `aaaa`."""

EXAMPLE_WORDS = (
    *("change", "example", "secret", "replace", "insert", "your-", "your_", "dev-key", "dev_key"),
    *("password", "passwort", "qwerty", "letmein", "default", "random-", "random_", "key-here"),
    *("insecure", "asdfgh"),
)
"""Words of keys that were copied from a page or made up: in random text they come by chance once
in millions."""

PRINTED_KEYS = (
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",  # Flask's documentation
    "9f0b2c7d5e8a41d3b6c4f1a2e7d80935",  # docs/commands.md
)
"""Random keys that documentation shows: attackers try them first."""

HOW_TO_MAKE_ONE = "Make one: python3 -c 'import secrets; print(secrets.token_hex(32))'"


def find_weakness(key: str) -> str | None:
    """Why it can be guessed, in words that begin a sentence; `None` for a key that cannot."""
    if len(key) < MIN_CHARACTERS:
        return f"the key has fewer than {MIN_CHARACTERS} characters"
    if key.lower() in PRINTED_KEYS or any(word in key.lower() for word in EXAMPLE_WORDS):
        return "the key is an example"
    in_order = _counts_up(key) or (_counts_up(key[::2]) and _counts_up(key[1::2]))
    if len(set(key)) < MIN_VARIETY or _repeats(key) or in_order:
        return "the key repeats itself or follows an order"
    return None


def _repeats(key: str) -> bool:
    """Whether its second half follows from the first: it is one part again and again."""
    return any(key[part:] == key[:-part] for part in range(1, len(key) // 2 + 1))


def _counts_up(key: str) -> bool:
    steps = [abs(ord(one) - ord(next_one)) <= 1 for one, next_one in pairwise(key)]
    return sum(steps) > MOST_STEPS * len(steps)


def load_or_create_secret(path: Path) -> str:
    """The key in the file; the first start creates it, so that a restart keeps sessions.

    Raises `ConfigurationError` if it cannot be stored, or can be guessed.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create_whole(path, secrets.token_hex(32))
        key = path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        raise ConfigurationError(
            f"SECRET_KEY is not set, and none can be kept in {path} ({error.strerror}). Set one."
        ) from error
    weakness = find_weakness(key)
    if weakness:
        raise ConfigurationError(
            f"{path}: {weakness}. Delete the file: the next start makes another key, and everybody "
            "logs in again."
        )
    return key


def _create_whole(path: Path, text: str) -> None:
    """Create the file in one step, unless another process was faster."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:
        file.write(text)
        file.flush()
        with suppress(FileExistsError):
            os.link(file.name, path)
