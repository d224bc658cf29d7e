"""A report as one HTML file: no network, no other file, to be read, mailed, kept or printed."""

from functools import cache, partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from app.lab.experiments import CLAIMS
from app.lab.reports.report import Report
from app.lab.reports.sheet import add_filters, sheet
from app.lab.subject.evidence import shorten_evidence

STATIC = Path(__file__).parents[2] / "static"
STYLES = ("report.css", "base.css", "lab.css")
SCRIPTS = ("theme.js", "report.js")

OF_SESSIONS = ("cookie", "set-cookie", "location", "retry-after", "vary")
"""Headers that say something of a session; the others would make the file several times as long."""

MOST_EXCHANGES = 6
"""Of one experiment, from its beginning and its end, for the same reason."""


class AnchorLinks(NamedTuple):
    """Everything is in the same file."""

    def claim(self, claim: str) -> str:
        return f"#{claim}"

    def evidence(self, claim: str, subject: str) -> str:
        return f"#{claim}--{subject}"


def html_report(report: Report) -> str:
    """The matrix, each claim, and the evidence, as a document that needs nothing else."""
    claims = [claim for claim in CLAIMS.values() if claim.id in report.claims]
    return (
        _environment()
        .get_template("lab/report.html")
        .render(
            about=report.about,
            sheet=sheet(report, claims, AnchorLinks()),
            only=OF_SESSIONS,
            styles=[_inlined(name) for name in STYLES],
            scripts=[_inlined(name) for name in SCRIPTS],
            favicon=f"data:image/svg+xml,{quote(_text('favicon.svg'))}",
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("app"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    add_filters(environment)
    environment.filters["shortened"] = partial(shorten_evidence, most=MOST_EXCHANGES)
    return environment


def _inlined(name: str) -> Markup:
    return Markup(_text(name))  # noqa: S704 - a file of ours


def _text(name: str) -> str:
    return (STATIC / name).read_text()
