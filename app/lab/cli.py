"""`session-lab compare`: the laboratory on the command line."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.lab.foreign_options import foreign_options

if TYPE_CHECKING:
    from app.lab.subject.external import ForeignApp

FORMATS = ("table", "json", "markdown", "html")


@click.command()
@click.option("--only", multiple=True, metavar="CLAIM", help="Try this claim; may be repeated.")
@click.option(
    "--backend",
    "names",
    multiple=True,
    metavar="NAME",
    help="Try them on this backend; may be repeated.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="How the report is written; by default as FILE's ending says, else as a table.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the report into a file: .json, .md, .html, or text.",
)
@click.option(
    "--browser",
    type=click.Choice(("jar", "chromium")),
    default="jar",
    show_default=True,
    help="What visitors use: the laboratory's own browser, or a real one where that matters.",
)
@foreign_options
@click.option("--list", "listed", is_flag=True, help="List the claims and where they are from.")
def compare(
    only: tuple[str, ...],
    names: tuple[str, ...],
    form: str | None,
    output: Path | None,
    browser: str,
    listed: bool,
    foreign: "ForeignApp | None",
) -> None:
    """Try every claim about sessions on every backend, and say what is true where.

    Redis is the one at REDIS_URL, else a redis-server that is started for the run, else the one
    embedded in the process.

    With --app it tries them on another application instead, of which nothing is expected; --backend
    sets columns of these backends beside it.

    Exit status: 0 where all is as expected, 1 after a surprise, 2 after an error.
    """
    # Imported here: `app` imports this module, and a start of the application needs none of them.
    from app import create_app
    from app.lab import command

    if listed:
        command.print_claims(only)
    else:
        in_chromium = browser == "chromium"
        command.run(create_app, only, names, form, output, in_chromium=in_chromium, foreign=foreign)
