"""The JSON schemas of what is written: `python -m app.lab.reports.schema` writes them.

They are made from types and the strings below their fields.
"""

import ast
import inspect
import json
from collections.abc import Iterator
from dataclasses import is_dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from app.lab.bench.results import Bench
from app.lab.reports.report import Report

FOLDER = Path("docs/schemas")


def format_schemas() -> dict[str, str]:
    """The texts of the schemas, by the name of their file in docs/schemas/."""
    return {
        "report.schema.json": _format("compare", "A report of Session Lab", Report),
        "bench.schema.json": _format("bench", "A bench of Session Lab", Bench),
    }


def _format(command: str, title: str, written: type[Any]) -> str:
    schema = msgspec.json.schema(written)
    for kind in _find_types(written):
        definition = schema["$defs"][kind.__name__]
        # Python 3.13 takes the indentation out of a docstring, and those before leave it.
        if "description" in definition:
            definition["description"] = inspect.cleandoc(definition["description"])
        properties = definition["properties"]
        for name, text in _read_descriptions(kind).items():
            properties[name] = {"description": text, **properties[name]}
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "description": f"What `session-lab {command} --format json` writes.",
    }
    return json.dumps({**head, **schema}, indent=2, ensure_ascii=False) + "\n"


def _find_types(hint: Any) -> Iterator[type[Any]]:
    """The dataclasses in a type, and those in their fields."""
    has_fields = is_dataclass(hint)
    if has_fields:
        yield hint
    for inner in get_type_hints(hint).values() if has_fields else get_args(hint):
        yield from _find_types(inner)


def _read_descriptions(kind: type[Any]) -> dict[str, str]:
    """The string below each field, which Python itself does not keep; inherited fields first."""
    descriptions: dict[str, str] = {}
    for base in reversed(kind.__mro__[:-1]):
        (node,) = ast.parse(inspect.getsource(base)).body
        assert isinstance(node, ast.ClassDef)
        for field, below in pairwise(node.body):
            match field, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    descriptions[name] = inspect.cleandoc(text).replace("`None`", "`null`")
    return descriptions


if __name__ == "__main__":
    for name, text in format_schemas().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
