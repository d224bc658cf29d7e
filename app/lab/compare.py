"""`session-lab compare`: make a run, write its report, and exit with its status."""

import difflib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from shlex import quote
from typing import NoReturn, TypeVar

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from app.lab.claim import Claim
from app.lab.experiments import CLAIMS
from app.lab.output import (
    CannotRun,
    check_writable,
    choose_form,
    errors_on_one_line,
    stop_on_signals,
    write_report,
)
from app.lab.reports.html import format_html
from app.lab.reports.markdown import format_markdown, list_origins
from app.lab.reports.remedies import find_remedies
from app.lab.reports.report import SHIPPED, dump_by_line, group_by_topic, read_report
from app.lab.reports.terminal import open_console, print_closing, print_report, print_results
from app.lab.runs.runner import compare, make_options
from app.lab.subject.application import CreateApp
from app.lab.subject.external import ExternalApp
from app.lab.subject.site import Paths
from backends import BACKENDS

MAX_LISTED_NAMES = 8
"""How many names one line can list."""

FORMATS = {"json": dump_by_line, "markdown": format_markdown, "html": format_html}

Named = TypeVar("Named")


def print_claims(only: Sequence[str]) -> None:
    """List the claims: their ids, their sentences and their origins."""
    claims = _choose(only, CLAIMS, "claim")
    to = open_console(sys.stdout)
    with errors_on_one_line("Standard output"):
        for topic, group in group_by_topic(claims).items():
            to.print(Text(topic.heading, "underline"), "")
            for claim in group:
                lines = [Text(line) for line in (claim.sentence, *list_origins(claim))]
                to.print(Text(claim.id, "bold"), Padding.indent(Group(*lines), 2), "")


def run_compare(
    create_app: CreateApp,
    only: Sequence[str],
    names: Sequence[str],
    form: str | None,
    output: Path | None,
    *,
    in_chromium: bool,
    app: ExternalApp | None = None,
) -> NoReturn:
    """Make a run, write its report, and exit with its status.

    With an `app` it is the subject, beside the backends in `names`.

    Raises `CannotRun` for an unknown name, an app that cannot be tried, or a failed write.
    """
    with errors_on_one_line():
        claims = _choose_over_http(only, app) if app else _choose(only, CLAIMS, "claim")
        backends = [] if app and not names else _choose(names, BACKENDS, "backend")
    form = choose_form(form, output)
    check_writable(output)
    progress = open_console(sys.stderr)
    others = [app] if app else []
    subjects = [*(each.name for each in others), *(backend.name for backend in backends)]
    watch = partial(print_results, claims=claims, subjects=subjects, to=progress)
    with stop_on_signals(), errors_on_one_line():
        options = make_options(create_app, in_chromium=in_chromium)
        if app:
            app.check()
        report = compare(claims, backends, options, watch, others)
    if app:
        kept = read_report(SHIPPED)
        report = replace(report, remedies=find_remedies(report, app.name, app.cookie_name, kept))
    given = _list_options(names, app, in_chromium=in_chromium)
    with errors_on_one_line(str(output or "Standard output")):
        write_report(report, FORMATS, partial(print_report, options=given), form, output)
        if output or form in FORMATS:
            print_closing(report, progress, given)
    sys.exit(report.exit_status)


def _choose(names: Sequence[str], known: Mapping[str, Named], what: str) -> list[Named]:
    """The known values with these names, or all of them. Raises `CannotRun` for others."""
    for name in names:
        if name not in known:
            raise CannotRun(_describe_unknown_name(name, list(known), what))
    return [value for name, value in known.items() if not names or name in names]


def _choose_over_http(names: Sequence[str], app: ExternalApp) -> list[Claim]:
    """The claims that need only HTTP, or those with these names. Raises `CannotRun`."""
    claims = {name: claim for name, claim in CLAIMS.items() if claim.over_http}
    for name in names:
        if name in CLAIMS and name not in claims:
            raise CannotRun(
                f"{name} needs more than HTTP, so it cannot be tried on {app.target}. "
                f"These can: {', '.join(claims)}."
            )
    return _choose(names, claims, "claim")


def _describe_unknown_name(name: str, known: Sequence[str], what: str) -> str:
    near = [each for each in known if name and name in each]
    near = near or difflib.get_close_matches(name, known)
    if near:
        hint = f"Did you mean {' or '.join(near)}?"
    elif len(known) <= MAX_LISTED_NAMES:
        hint = f"Choose from: {', '.join(known)}."
    else:
        hint = "session-lab compare --list names them all."
    return f"There is no {what} {name!r}. {hint}"


def _list_options(
    names: Sequence[str], app: ExternalApp | None, *, in_chromium: bool
) -> Sequence[str]:
    """The options of this run, without the values of the login form."""
    return [
        *(_list_app_options(app) if app else ()),
        *(f"--backend {name}" for name in names),
        *(["--browser chromium"] if in_chromium else []),
    ]


def _list_app_options(app: ExternalApp) -> Iterator[str]:
    yield f"--app {quote(app.target)}"
    default = Paths()
    for name in ("login", "private", "logout"):
        path = getattr(app.paths, name)
        if path != getattr(default, name):
            yield f"--{name} {quote(path)}"
    for name in app.paths.fields:
        yield f"--field {quote(name)}=…"
    if app.paths.is_json:
        yield "--json"
    if app.cookie_name != ExternalApp.cookie_name:
        yield f"--cookie {quote(app.cookie_name)}"
