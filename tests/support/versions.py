"""Runs the core of the tests on other versions: `make versions`.

Once on the lowest direct dependencies that pyproject.toml allows, then with the locked ones on each
other Python of this machine. Each environment is built in `.cache/versions`.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".cache/versions"
UV = Path(sys.executable).with_name("uv")

LOWEST_MINOR, MAX_MINOR = 11, 30
"""Of Python 3. The lowest is that of `requires-python` in pyproject.toml."""

TOOLS = ("asgiref", "hypothesis", "jsonschema", "pytest", "pytest-xdist")

CORE = (
    *("tests/backends", "tests/app", "tests/lab/cost", "tests/lab/reports"),
    *("tests/lab/test_compare.py", "tests/lab/test_plan.py"),
)
LEFT_OUT = (
    # Each runs in `make test`, and takes long for what other versions can break in it.
    *("tests/backends/upstream", "tests/backends/extensions", "tests/backends/migration"),
    *("tests/app/languages/test_every_sentence.py", "tests/app/accounts/test_guesses.py"),
)


class Trial(NamedTuple):
    """One environment to run the core in."""

    name: str
    python: Path
    requirements: list[str]
    """The arguments for `uv pip install`."""


def main() -> None:
    """Run each trial, print a line for each, and exit with 1 if one failed."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    results = [_run(trial) for trial in _list_trials(find_pythons())]
    if not all(results):
        sys.exit(1)


def find_pythons() -> dict[int, Path]:
    """The interpreters of this machine by their minor version: on the path, or of pyenv."""
    found = {minor: _find_python(f"python3.{minor}") for minor in range(LOWEST_MINOR, MAX_MINOR)}
    return {minor: python for minor, python in found.items() if python is not None}


def _find_python(name: str) -> Path | None:
    on_path = shutil.which(name)
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = [*([Path(on_path)] if on_path else []), *root.glob(f"versions/*/bin/{name}")]
    # A shim of pyenv is on the path for every version, and fails for those that are not chosen.
    return next((path for path in candidates if _succeeds([path, "-c", ""])), None)


def _list_trials(pythons: dict[int, Path]) -> Iterator[Trial]:
    lowest = min(pythons)
    yield Trial(f"Python 3.{lowest}, lowest direct dependencies", pythons[lowest], _lowest())
    for minor, python in pythons.items():
        if minor != sys.version_info.minor:  # on this one `make test` runs everything
            yield Trial(f"Python 3.{minor}, locked dependencies", python, _locked())


def _lowest() -> list[str]:
    constraints = FOLDER / "indirect.txt"
    constraints.write_text("\n".join(list_indirect(ROOT)))
    options = ["--resolution", "lowest-direct", "--constraints", str(constraints)]
    return [*options, "-r", "pyproject.toml", "--extra", "app", *_list_tools()]


def _locked() -> list[str]:
    return ["-r", "requirements.lock", *_list_tools()]


def _list_tools() -> list[str]:
    locked = _read_lock(ROOT / "requirements-dev.lock")
    return [locked[name] for name in TOOLS]


def list_indirect(project: Path) -> list[str]:
    """The locked packages that pyproject.toml does not name: they stay as they are."""
    table = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    groups = [table["dependencies"], *table["optional-dependencies"].values()]
    direct = {re.split(r"[^\w-]", text)[0] for group in groups for text in group}
    locked = _read_lock(project / "requirements.lock")
    return [text for name, text in locked.items() if name not in direct]


def _read_lock(lock: Path) -> dict[str, str]:
    """The requirements in it by name, without their hashes."""
    found = re.findall(r"^(([\w-]+)==.*?) \\$", lock.read_text(), re.MULTILINE)
    return {name: text for text, name in found}


def _run(trial: Trial) -> bool:
    environment = FOLDER / re.sub(r"\W+", "-", trial.name)
    python = environment / "bin/python"
    install: list[str | Path] = [UV, "pip", "install", "--quiet", "--python", python]
    options = ("--quiet", "--numprocesses", "auto", "--no-loadscope-reorder")
    test: list[str | Path] = [python, "-m", "pytest", *options]
    steps: list[list[str | Path]] = [
        [UV, "venv", "--quiet", "--clear", "--python", trial.python, environment],
        [*install, *trial.requirements],
        [*install, "--no-deps", "--editable", "."],
        [*test, *CORE, *(f"--ignore={path}" for path in LEFT_OUT)],
    ]
    for step in steps:
        ended = subprocess.run(step, cwd=ROOT, capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            print(f"{ended.stdout}{ended.stderr}{trial.name}: failed", flush=True)
            return False
    print(f"{trial.name}: {ended.stdout.splitlines()[-1].strip('= ')}", flush=True)
    return True


def _succeeds(command: list[str | Path]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    main()
