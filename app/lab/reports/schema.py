"""The JSON schema of a report, from the types of a report and the words below their fields."""

import ast
import inspect
import json
from itertools import pairwise
from typing import Any

import msgspec

from app.lab.claim import Statement
from app.lab.reports.report import About, Report, Result, Said
from app.lab.subject.evidence import Evidence, Holding, ShownExchange

TYPES = (Report, About, Result, Said, Statement, Evidence, ShownExchange, Holding)


def report_schema() -> str:
    """The text of `docs/report.schema.json`."""
    schema = msgspec.json.schema(Report)
    for kind in TYPES:
        properties = schema["$defs"][kind.__name__]["properties"]
        for name, words in _described_fields(kind).items():
            properties[name] = {"description": words, **properties[name]}
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A report of Session Lab",
        "description": "What `session-lab compare --format json` writes.",
    }
    return json.dumps({**head, **schema}, indent=2, ensure_ascii=False) + "\n"


def _described_fields(kind: type[Any]) -> dict[str, str]:
    """The string below each field, which Python itself does not keep; inherited fields first."""
    words: dict[str, str] = {}
    for base in reversed(kind.__mro__[:-1]):
        (node,) = ast.parse(inspect.getsource(base)).body
        assert isinstance(node, ast.ClassDef)
        for field, below in pairwise(node.body):
            match field, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    words[name] = inspect.cleandoc(text).replace("`None`", "`null`")
    return words
