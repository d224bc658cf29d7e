"""`session-lab compare`: make a run, write its report, and exit with its status."""

import difflib
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from io import StringIO
from pathlib import Path
from shlex import quote
from types import FrameType
from typing import NoReturn, TypeVar

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from app.lab.claim import Claim, Skipped
from app.lab.experiments import CLAIMS
from app.lab.reports.markdown import DOCUMENT, FIELD, markdown
from app.lab.reports.report import ExitStatus, Report, dumped
from app.lab.reports.terminal import console, print_closing, print_report, watched
from app.lab.runs.runner import compare, make_options
from app.lab.subject.application import CreateApp
from app.lab.subject.external import ExternalApp
from app.lab.subject.site import Paths
from backends import BACKENDS, ConfigurationError

ENDINGS = {".json": "json", ".md": "markdown", ".html": "html"}

END_SIGNALS = (signal.SIGTERM, signal.SIGHUP)

MAX_LISTED_NAMES = 8
"""How many names one line can list."""

Named = TypeVar("Named")


class CannotRun(click.ClickException):
    """An error in one line. Its exit status is not 1, which means a surprise."""

    exit_code = ExitStatus.ERROR


def print_claims(only: Sequence[str]) -> None:
    """List the claims: their ids, what they say, and where they are from."""
    claims = _choose(only, CLAIMS, "claim")
    document = [claim for claim in claims if claim.is_of_document]
    field = [claim for claim in claims if not claim.is_of_document]
    to = console(sys.stdout)
    for title, group in ((DOCUMENT, document), (FIELD, field)):
        if group:
            with _write_errors_on_one_line("Standard output"):
                _print_group(title, group, to)


def _print_group(title: str, claims: Sequence[Claim], to: Console) -> None:
    to.print(Text(title, "underline"))
    to.print()
    for claim in claims:
        to.print(Text(claim.id, "bold"))
        lines = [claim.sentence, *_origins(claim)]
        to.print(*(Padding(Text(line), (0, 0, 0, 2), expand=False) for line in lines), "")


def _origins(claim: Claim) -> Sequence[str]:
    places = [f"Line {statement.line}: “{statement.quote}”" for statement in claim.statements]
    return [*places, *claim.sources]


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

    With an `app` it is the subject, beside the backends that are named.

    Raises `CannotRun` for what is not known, cannot be reached or cannot be written.
    """
    with _errors_on_one_line():
        claims = _choose(only, CLAIMS, "claim") if app is None else _over_http(only, app)
        backends = [] if app and not names else _choose(names, BACKENDS, "backend")
    form = form or (ENDINGS.get(output.suffix, "table") if output else "table")
    _check_writable(output)
    progress = console(sys.stderr)
    subjects = [*([app.name] if app else []), *(backend.name for backend in backends)]
    watch = partial(watched, claims=claims, subjects=subjects, to=progress)
    with _ended_in_order(), _errors_on_one_line():
        options = make_options(create_app, in_chromium=in_chromium)
        report = compare(claims, backends, options, watch, others=[app] if app else [])
    given = _options(names, app, in_chromium=in_chromium)
    with _write_errors_on_one_line(str(output or "Standard output")):
        if output is None and form == "table":
            print_report(report, console(sys.stdout), given)
        else:
            _write(_format_report(report, form, given), output)
            print_closing(report, progress, given)
    sys.exit(report.exit_status)


def _choose(names: Sequence[str], known: Mapping[str, Named], what: str) -> list[Named]:
    """The named ones, in their own order; all of them without names. Raises `CannotRun`."""
    for name in names:
        if name not in known:
            raise CannotRun(_unknown_name(name, list(known), what))
    return [value for name, value in known.items() if not names or name in names]


def _over_http(names: Sequence[str], app: ExternalApp) -> list[Claim]:
    """The named claims, or all, that can be tried over HTTP alone. Raises `CannotRun`."""
    claims = {name: claim for name, claim in CLAIMS.items() if claim.over_http}
    for name in names:
        if name in CLAIMS and name not in claims:
            raise CannotRun(
                f"{name} takes more than HTTP, so that it cannot be tried on {app.target}. "
                f"These can: {', '.join(claims)}."
            )
    return _choose(names, claims, "claim")


def _unknown_name(name: str, known: Sequence[str], what: str) -> str:
    near = [each for each in known if name and name in each]
    near = near or difflib.get_close_matches(name, known)
    if near:
        hint = f"Did you mean {' or '.join(near)}?"
    elif len(known) <= MAX_LISTED_NAMES:
        hint = f"Choose from: {', '.join(known)}."
    else:
        hint = "session-lab compare --list names them all."
    return f"There is no {what} {name!r}. {hint}"


def _check_writable(output: Path | None) -> None:
    """Raise `CannotRun` before the run is made, not after it."""
    if output is None:
        return
    if not os.access(output if output.exists() else output.parent, os.W_OK):
        raise CannotRun(f"{output} cannot be written.")


@contextmanager
def _errors_on_one_line() -> Iterator[None]:
    try:
        yield
    except (ConfigurationError, Skipped) as error:
        raise CannotRun(str(error)) from error
    except BrokenPipeError:
        _exit_for_closed_pipe()
    except OSError as error:
        _discard_output()
        raise CannotRun(f"The run was broken off: {error}.") from error


@contextmanager
def _write_errors_on_one_line(where: str) -> Iterator[None]:
    """Raise `CannotRun` where the output cannot be written."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _exit_for_closed_pipe()
    except OSError as error:
        _discard_output()
        raise CannotRun(f"{where} cannot be written: {error.strerror}.") from error


def _exit_for_closed_pipe() -> NoReturn:
    """Exit as a program does whose reader has gone: `| head -1`."""
    _discard_output()
    sys.exit(128 + signal.SIGPIPE)


def _discard_output() -> None:
    """Redirect broken streams to /dev/null, so that the flush at exit does not raise."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """End the run's processes at Ctrl-C, SIGTERM and SIGHUP, and say so in one line."""
    ignored = {
        number: signal.signal(number, _exit)
        for number in END_SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN  # as nohup does
    }
    try:
        yield
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
        sys.exit(128 + signal.SIGINT)
    finally:
        for number, before in ignored.items():
            signal.signal(number, before)


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    """Exit in order, and ignore a second signal meanwhile."""
    for each in END_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def _options(names: Sequence[str], app: ExternalApp | None, *, in_chromium: bool) -> Sequence[str]:
    """The options of this run, without the values of the login form."""
    backends = [f"--backend {name}" for name in names]
    return [
        *(_app_options(app) if app else ()),
        *backends,
        *(["--browser chromium"] if in_chromium else []),
    ]


def _app_options(app: ExternalApp) -> Iterator[str]:
    yield f"--app {quote(app.target)}"
    usual = Paths()
    for name in ("login", "private", "logout"):
        path = getattr(app.paths, name)
        if path != getattr(usual, name):
            yield f"--{name} {quote(path)}"
    for name in app.paths.fields:
        yield f"--field {quote(name)}=…"
    if app.cookie_name != ExternalApp.cookie_name:
        yield f"--cookie {quote(app.cookie_name)}"


def _format_report(report: Report, form: str, given: Sequence[str]) -> str:
    match form:
        case "json":
            return dumped(report)
        case "markdown":
            return markdown(report)
        case "html":
            # Imported here: it needs the application's templates.
            from app.lab.reports.html import html_report

            return html_report(report)
        case _:
            text = StringIO()
            print_report(report, console(text), given)
            return text.getvalue()


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text.encode(), nl=False)
    else:
        output.write_text(text, encoding="utf-8")
        click.echo(f"Written: {output}", err=True)
