"""The layout of the code: small files, small folders, imports that run one way, no circle."""

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
MAX_FILE_LINES = 400
MAX_FOLDER_MODULES = {"backends": 20, "app/lab/experiments": 1000}
"""Folders whose listing is the list of what there is; every other folder has at most twelve."""

CODE = sorted([*PROJECT.glob("app/**/*.py"), *PROJECT.glob("backends/**/*.py")])
TESTS = sorted(PROJECT.glob("tests/**/*.py"))


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in CODE}


def imports(path: Path) -> Iterator[str]:
    """The project's modules that this one imports when it is imported itself."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{name.name}" for name in node.names]
            yield from (name if name in MODULES else node.module for name in names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


@cache
def graph() -> dict[str, set[str]]:
    """What each module imports."""
    return {
        name: {found for found in imports(path) if found in MODULES} - {name}
        for name, path in MODULES.items()
    }


def layer(module: str) -> int:
    """The height of a module: backends, app, app.lab."""
    return 2 if module.startswith("app.lab") else 1 if module.startswith("app") else 0


def test_imports_run_from_the_laboratory_to_the_backends() -> None:
    upward = [
        (name, found)
        for name, all_found in graph().items()
        for found in all_found
        if layer(found) > layer(name)
    ]
    assert upward == []


def test_no_imports_run_in_a_circle() -> None:
    TopologicalSorter(graph()).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("paths", [CODE, TESTS], ids=["code", "tests"])
def test_no_file_is_long(paths: list[Path]) -> None:
    lines = {module_name(path): len(path.read_text().splitlines()) for path in paths}
    assert {name: count for name, count in lines.items() if count > MAX_FILE_LINES} == {}


def test_no_folder_has_many_modules() -> None:
    folders = Counter(
        str(path.parent.relative_to(PROJECT)) for path in CODE if path.stem != "__init__"
    )
    wide = {name: n for name, n in folders.items() if n > MAX_FOLDER_MODULES.get(name, 12)}
    assert wide == {}


def test_no_class_name_stands_twice() -> None:
    classes = Counter(
        node.name
        for path in CODE
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in classes.items() if count > 1] == []
