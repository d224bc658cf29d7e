"""A page as one HTML file, which needs neither the network nor another file."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
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
    """A page that has its styles, its scripts and its picture in itself, and allows no others."""
    style, script = ("\n".join(map(_read, names)) for names in (STYLES, SCRIPTS))
    return (
        _make_environment()
        .get_template(template)
        .render(
            style=Markup(style),  # noqa: S704 - the project's own
            script=Markup(script),  # noqa: S704 - the project's own
            policy=f"default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
            f"style-src {_hash(style)}; script-src {_hash(script)}",
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


def _hash(text: str) -> str:
    """As a policy names what it allows (CSP Level 3, 2.3.1)."""
    digest = b64encode(sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _read(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")
