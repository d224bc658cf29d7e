"""Where the tests have their temporary files: a plugin, named in pyproject.toml."""

import os
import tempfile
from pathlib import Path

import pytest

IN_MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own below it
"""On a busy disk the tests wait for it: the contract suite took 43 seconds there, and 22 here."""

MIN_FREE_BYTES = 4 << 30
"""Of this the packaging tests alone fill 150 MB. A container often gives only 64 MB in all."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Keep them in memory, if that is possible here and no other place is given."""
    if "TMPDIR" not in os.environ and _is_suitable(IN_MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(IN_MEMORY)


def _is_suitable(folder: Path) -> bool:
    """Whether files may be written and run there, and there is room."""
    if not os.access(folder, os.W_OK):
        return False
    found = os.statvfs(folder)
    return not found.f_flag & os.ST_NOEXEC and found.f_bavail * found.f_frsize >= MIN_FREE_BYTES
