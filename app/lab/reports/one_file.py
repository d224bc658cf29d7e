"""A page as one HTML file, which needs neither the network nor another file."""

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from app.lab.reports.matrix import add_filters

STATIC = Path(__file__).parents[2] / "static"
STYLES = ("report.css", "base.css", "lab.css")
SCRIPTS = ("theme.js", "report.js")


def render_page(template: str, **variables: Any) -> str:
    """A page that has its styles, its scripts and its picture in itself."""
    return (
        _make_environment()
        .get_template(template)
        .render(
            styles=[Markup(_read(name)) for name in STYLES],  # noqa: S704 - the project's own
            scripts=[Markup(_read(name)) for name in SCRIPTS],  # noqa: S704 - the project's own
            favicon=f"data:image/svg+xml,{quote(_read('favicon.svg'))}",
            **variables,
        )
    )


@cache
def _make_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("app"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    add_filters(environment)
    return environment


def _read(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")
