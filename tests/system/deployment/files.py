"""docker-compose.yml and the Dockerfile, read as an engine reads them, as far as tests need it."""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).parents[3]

_REFERENCE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?::-(?P<word>[^}]*))?\})")
"""`$$`, `${NAME}` and `${NAME:-default}` (Compose specification, 12)."""


def read_compose(environment: Mapping[str, str]) -> dict[str, Any]:
    """The Compose file with the variables of `environment` in their places."""
    document = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
    filled: dict[str, Any] = _filled(document, environment)
    return filled


def _filled(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(item, environment) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, environment) for item in value]
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: _value(match, environment), value)
    return value


def _value(match: re.Match[str], environment: Mapping[str, str]) -> str:
    if match["dollar"]:
        return "$"
    return environment.get(match["name"]) or match["word"] or ""


@dataclass(frozen=True)
class Image:
    """What the Dockerfile makes."""

    steps: list[tuple[str, str]]
    """Instruction and arguments, in order."""

    def all(self, instruction: str) -> list[str]:
        return [arguments for name, arguments in self.steps if name == instruction]

    @property
    def environment(self) -> dict[str, str]:
        pairs = [pair for arguments in self.all("ENV") for pair in shlex.split(arguments)]
        return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}

    @property
    def command(self) -> list[str]:
        words: list[str] = json.loads(self.all("ENTRYPOINT")[-1])
        return words + list(json.loads(self.all("CMD")[-1]))

    @property
    def healthcheck(self) -> list[str]:
        words: list[str] = json.loads(self.all("HEALTHCHECK")[-1].partition("CMD ")[2])
        return words

    @property
    def copied(self) -> list[str]:
        """The files and folders of the project that it takes."""
        return [source for arguments in self.all("COPY") for source in shlex.split(arguments)[:-1]]


def read_image() -> Image:
    text = (PROJECT / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    steps = [line.split(maxsplit=1) for line in joined if line.strip()]
    return Image([(name, arguments) for name, arguments in steps])
