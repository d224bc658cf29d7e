"""Installs small packages with a backend into a folder, as pip would."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from tests.support.processes import PROJECT
from tests.system.documents.documents import find_blocks

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
    return {**own, "PYTHONPATH": f"{folder}{os.pathsep}{PROJECT}", **variables}


def _shown(language: str, containing: str) -> str:
    [shown] = [each for each in find_blocks("docs/own-store.md", language) if containing in each]
    return shown
