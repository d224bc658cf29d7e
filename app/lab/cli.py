"""`session-lab compare`, `bench` and `plan`: the laboratory on the command line."""

import re
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from app.lab.subject.external import ExternalApp


def _refuse_empty(
    _context: click.Context, _option: click.Parameter, value: Path | None
) -> Path | None:
    if value == Path():  # the current folder, which could not be written after the run
        raise click.BadParameter("it is empty: name a file.")
    return value


report_form = click.option(
    "--format",
    "form",
    type=click.Choice(("table", "json", "markdown", "html")),
    help="How the report is written; by default as FILE's ending says, else as a table.",
)
report_output = click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    callback=_refuse_empty,
    help="Write the report into a file: .json, .md, .html, or text.",
)

MEMORY_FOLDER = "/dev/shm"  # noqa: S108 - a name of its own is made below it


def _check_path(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.startswith("/"):
        raise click.BadParameter(f"{value!r} is not a path of the application: begin with a slash.")
    _check_text(value or "")
    return value


_path_option = partial(click.option, metavar="PATH", callback=_check_path)


def _check_text(value: str) -> None:
    if re.search("[\ud800-\udfff]", value):  # in the place of bytes that are no UTF-8
        raise click.BadParameter(f"{value!r} is no UTF-8.")


def _parse_fields(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise click.BadParameter(f"{name!r} has no value: write NAME=VALUE.")
    for value in values:
        _check_text(value)
    return {name: value for name, _, value in pairs}


@click.command()
@click.option("--only", multiple=True, metavar="CLAIM", help="Try this claim; may be repeated.")
@click.option(
    "--backend",
    "names",
    multiple=True,
    metavar="NAME",
    help="Try them on this backend; may be repeated.",
)
@report_form
@report_output
@click.option(
    "--browser",
    type=click.Choice(("jar", "chromium")),
    default="jar",
    show_default=True,
    help="What visitors use: the laboratory's own browser, or a real one where that matters.",
)
@click.option(
    "--app",
    "target",
    metavar="MODULE:APP",
    help="Try the claims that need only HTTP on this Flask application, named as for flask "
    "--app, with the current folder and environment.",
)
@_path_option(
    "--login",
    help="--app: where the login form is, and where it is posted to.  [default: /login]",
)
@click.option(
    "--field",
    "fields",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_parse_fields,
    help="--app: what to fill into the login form; may be repeated.",
)
@click.option(
    "--json",
    "is_json",
    is_flag=True,
    help="--app: the login takes JSON, an object with the fields; so does the logout.",
)
@_path_option("--private", help="--app: a page that only a login opens.  [default: /dashboard]")
@_path_option("--logout", help="--app: where the logout is posted to.  [default: /logout]")
@click.option(
    "--cookie",
    "cookie_name",
    metavar="NAME",
    help="--app: the session's cookie.  [default: session]",
)
@click.option("--list", "is_list", is_flag=True, help="List the claims and where they are from.")
def compare(
    only: tuple[str, ...],
    names: tuple[str, ...],
    form: str | None,
    output: Path | None,
    browser: str,
    target: str | None,
    is_list: bool,
    **app_options: Any,
) -> None:
    """Try every claim about sessions on every backend, and say what is true where.

    A redis-server is started for each subject that needs Redis; without redis-server on this
    machine, they use the one embedded in the process.

    With --app the claims are tried on another application instead, of which nothing is expected;
    --backend adds columns of these backends beside it.

    Exit status: 0 if all is as expected, 1 after a surprise, 2 after an error.
    """
    # Imported here: `app` imports this module, and a start of the application needs none of them.
    from app import create_app
    from app.lab.compare import print_claims, run_compare

    in_chromium = browser == "chromium"
    given = {name: value for name, value in app_options.items() if value}
    app = _describe_app(target, given, in_chromium=in_chromium)
    if is_list:
        print_claims(only)
    else:
        run_compare(create_app, only, names, form, output, in_chromium=in_chromium, app=app)


@click.command()
@click.option("--full", is_flag=True, help="Store up to a million sessions: three minutes.")
@click.option("--http", is_flag=True, help="Also the requests per second under gunicorn.")
@click.option("--peers", is_flag=True, help="Also Django's sessions and Starlette's.")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=MEMORY_FOLDER if Path(MEMORY_FOLDER).is_dir() else tempfile.gettempdir,
    show_default=True,
    help="Where files are while they are measured: the disk decides what they cost.",
)
@report_form
@report_output
def bench(
    form: str | None, output: Path | None, folder: Path, *, full: bool, http: bool, peers: bool
) -> None:
    """Measure what a session costs on every backend, beside what ships.

    Two minutes. Ctrl-C ends it and writes what was measured.
    """
    # Imported here, for the same reason.
    from app.lab.bench.command import run_command
    from app.lab.bench.results import MANY_SESSIONS
    from app.lab.bench.run import Options

    most = 1_000_000 if full else MANY_SESSIONS
    run_command(Options(folder, most, http), form, output, with_peers=peers)


@click.command()
@click.option("--users", type=int, required=True, help="People who log in on one day.")
@click.option("--size", type=int, required=True, help="Bytes of data in a session.")
@click.option("--requests", "per_second", type=float, required=True, help="Requests a second.")
@click.option("--hours", type=float, required=True, help="From a login to the end of its session.")
def plan(users: int, size: int, per_second: float, hours: float) -> None:
    """Calculate what so many users need on each backend: traffic, memory, files, processors.

    It is calculated from the bench that came with this program, and says how.
    """
    # Imported here, for the same reason.
    from app.lab.plan import Need, find_fault, run_command

    need = Need(users, size, per_second, hours)
    fault = find_fault(need)
    if fault:
        raise click.UsageError(fault)
    run_command(need)


def _describe_app(
    target: str | None, options: dict[str, Any], *, in_chromium: bool
) -> "ExternalApp | None":
    """The application of `--app`. Raises `UsageError` for its options without it."""
    if target is None and not options:
        return None
    if target is None or not target.strip():
        raise click.UsageError("Which application? Name it by --app MODULE:APP.")
    # Imported here, for the same reason.
    from app.lab.subject.external import ExternalApp
    from app.lab.subject.site import Paths

    if in_chromium and options.get("is_json"):
        raise click.UsageError("A form of a real browser sends no JSON: leave out --browser.")
    cookie_name = options.pop("cookie_name", ExternalApp.cookie_name)
    return ExternalApp(target, Paths(**options), cookie_name, in_chromium)
