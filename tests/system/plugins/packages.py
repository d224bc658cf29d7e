"""Installs small packages with a backend into a folder, as pip would."""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]

GROUP = "session_lab.backends"


def install(
    folder: Path,
    name: str,
    modules: Mapping[str, str],
    points: Mapping[str, str],
    group: str = GROUP,
) -> None:
    """Write the package's modules and metadata, without network and build."""
    metadata = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{point} = {target}\n" for point, target in points.items()]
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{''.join(lines)}")
    for module, code in modules.items():
        (folder / f"{module}.py").write_text(code)


def install_the_example(folder: Path) -> None:
    """Install the package in docs/own-store.md."""
    project = tomllib.loads(_shown("toml", "entry-points"))["project"]
    points = project["entry-points"][GROUP]
    install(folder, project["name"], {"tiny_store": _shown("python", "class TinyStore")}, points)


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """This process's own, with the folder importable and Session Lab beside it.

    What pytest was started with is for this process alone: there its plugins may not be found.
    """
    own = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    return {**own, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", **variables}


def _shown(language: str, containing: str) -> str:
    blocks: list[Any] = re.findall(
        rf"^```{language}\n(.*?)^```$",
        (ROOT / "docs/own-store.md").read_text(),
        re.DOTALL | re.MULTILINE,
    )
    [block] = [block for block in blocks if containing in block]
    return str(block)
