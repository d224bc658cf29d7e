"""The secret key of a development run, which a file keeps."""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from backends import ConfigurationError


def load_or_create_secret(path: Path) -> str:
    """The key in the file; the first start creates it, so that a restart keeps sessions.

    Raises `ConfigurationError` if it cannot be stored.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create_whole(path, secrets.token_hex(32))
        return path.read_text()
    except OSError as error:
        raise ConfigurationError(
            f"SECRET_KEY is not set, and none can be kept in {path} ({error.strerror}). Set one."
        ) from error


def _create_whole(path: Path, text: str) -> None:
    """Create the file in one step, unless another process was faster."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:
        file.write(text)
        file.flush()
        with suppress(FileExistsError):
            os.link(file.name, path)
