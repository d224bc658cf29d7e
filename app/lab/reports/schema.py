"""The JSON schema of a report: `python -m app.lab.reports.schema` writes it to docs/.

It is made from the types of a report and the strings below their fields.
"""

import ast
import inspect
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from app.lab.claim import Statement
from app.lab.reports.report import Circumstances, ClaimText, Report, Result
from app.lab.subject.evidence import Evidence, Holding, ShownExchange

SCHEMA = Path("docs/report.schema.json")

TYPES = (Report, Circumstances, Result, ClaimText, Statement, Evidence, ShownExchange, Holding)


def format_schema() -> str:
    """The text of `docs/report.schema.json`."""
    schema = msgspec.json.schema(Report)
    for kind in TYPES:
        properties = schema["$defs"][kind.__name__]["properties"]
        for name, text in _read_descriptions(kind).items():
            properties[name] = {"description": text, **properties[name]}
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A report of Session Lab",
        "description": "What `session-lab compare --format json` writes.",
    }
    return json.dumps({**head, **schema}, indent=2, ensure_ascii=False) + "\n"


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
    SCHEMA.write_text(format_schema(), encoding="utf-8")
