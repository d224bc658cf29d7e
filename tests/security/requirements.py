"""The requirements on session management and why some have no test, from requirements.toml."""

import tomllib
from pathlib import Path

_TABLES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))

REQUIREMENTS: dict[str, str] = _TABLES["requirements"]
WITHOUT_TEST: dict[str, str] = _TABLES["without-test"]
"""Why no test covers a requirement."""
