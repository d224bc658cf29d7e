"""What `session-lab compare` does once it is called."""

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
from app.lab.comparison import compare
from app.lab.experiments import CLAIMS
from app.lab.reports.markdown import DOCUMENT, FIELD, markdown
from app.lab.reports.report import ExitStatus, Report, dumped
from app.lab.reports.terminal import console, print_closing, print_report, watched
from app.lab.subject.application import CreateApp
from app.lab.subject.external import ForeignApp
from app.lab.subject.site import Paths
from backends import BACKENDS, ConfigurationError

ENDINGS = {".json": "json", ".md": "markdown", ".html": "html"}

ORDERLY_ENDS = (signal.SIGTERM, signal.SIGHUP)

FEW = 8
"""Names that one line can list."""

Named = TypeVar("Named")


class CannotRun(click.ClickException):
    """One line. Its exit status is not 1, which would say that there was a surprise."""

    exit_code = ExitStatus.ERROR


def print_claims(only: Sequence[str]) -> None:
    """List the claims: their ids, what they say, and where they are from."""
    claims = _chosen(only, CLAIMS, "claim")
    document = [claim for claim in claims if claim.is_of_document]
    field = [claim for claim in claims if not claim.is_of_document]
    to = console(sys.stdout)
    for title, group in ((DOCUMENT, document), (FIELD, field)):
        if group:
            with _written("Standard output"):
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


def run(
    create_app: CreateApp,
    only: Sequence[str],
    names: Sequence[str],
    form: str | None,
    output: Path | None,
    *,
    in_chromium: bool,
    foreign: ForeignApp | None = None,
) -> NoReturn:
    """Make a run, write its report, and exit with its status.

    With a `foreign` application it is the subject, beside the backends that are named.

    Raises `CannotRun` for what is not known, cannot be reached or cannot be written.
    """
    with _told_in_one_line():
        claims = _chosen(only, CLAIMS, "claim") if foreign is None else _over_http(only, foreign)
        backends = [] if foreign and not names else _chosen(names, BACKENDS, "backend")
    form = form or (ENDINGS.get(output.suffix, "table") if output else "table")
    _check_writable(output)
    progress = console(sys.stderr)
    subjects = [*([foreign.name] if foreign else []), *(backend.name for backend in backends)]
    watch = partial(watched, claims=claims, subjects=subjects, to=progress)
    with _ended_with_all_it_started(), _told_in_one_line():
        report = compare(
            create_app,
            claims,
            backends,
            redis_url=os.environ.get("REDIS_URL") or None,
            in_chromium=in_chromium,
            watch=watch,
            foreign=foreign,
        )
    given = _options(names, foreign, in_chromium=in_chromium)
    with _written(str(output or "Standard output")):
        if output is None and form == "table":
            print_report(report, console(sys.stdout), given)
        else:
            _write(_as_text(report, form, given), output)
            print_closing(report, progress, given)
    sys.exit(report.exit_status)


def _chosen(names: Sequence[str], known: Mapping[str, Named], what: str) -> list[Named]:
    """Those of these names, in their own order; all, where none is named."""
    for name in names:
        if name not in known:
            raise CannotRun(_unknown(name, list(known), what))
    return [value for name, value in known.items() if not names or name in names]


def _over_http(names: Sequence[str], foreign: ForeignApp) -> list[Claim]:
    """Those of these names that any application can be tried on; all of them without names."""
    claims = {name: claim for name, claim in CLAIMS.items() if claim.over_http}
    for name in names:
        if name in CLAIMS and name not in claims:
            raise CannotRun(
                f"{name} takes more than HTTP, so that it cannot be tried on {foreign.target}. "
                f"These can: {', '.join(claims)}."
            )
    return _chosen(names, claims, "claim")


def _unknown(name: str, known: Sequence[str], what: str) -> str:
    near = [each for each in known if name and name in each]
    near = near or difflib.get_close_matches(name, known)
    if near:
        hint = f"Did you mean {' or '.join(near)}?"
    elif len(known) <= FEW:
        hint = f"Choose from: {', '.join(known)}."
    else:
        hint = "session-lab compare --list names them all."
    return f"There is no {what} {name!r}. {hint}"


def _check_writable(output: Path | None) -> None:
    """Before the run, so that none is made in vain."""
    if output is None:
        return
    if not os.access(output if output.exists() else output.parent, os.W_OK):
        raise CannotRun(f"{output} cannot be written.")


@contextmanager
def _told_in_one_line() -> Iterator[None]:
    try:
        yield
    except (ConfigurationError, Skipped) as error:
        raise CannotRun(str(error)) from error
    except BrokenPipeError:
        _end_silently()
    except OSError as error:
        _give_up_streams()
        raise CannotRun(f"The run was broken off: {error}.") from error


@contextmanager
def _written(where: str) -> Iterator[None]:
    """Raises `CannotRun` where what is said there cannot be written."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _end_silently()
    except OSError as error:
        _give_up_streams()
        raise CannotRun(f"{where} cannot be written: {error.strerror}.") from error


def _end_silently() -> NoReturn:
    """As a program does whose reader has gone: `| head -1`."""
    _give_up_streams()
    sys.exit(128 + signal.SIGPIPE)


def _give_up_streams() -> None:
    """Let nobody stumble over what waits in a stream that cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def _ended_with_all_it_started() -> Iterator[None]:
    """Ctrl-C is one line; other ways to be told to end are as orderly."""
    ignored = {
        number: signal.signal(number, _exit)
        for number in ORDERLY_ENDS
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
    """Tidy up, whoever asks again meanwhile."""
    for each in ORDERLY_ENDS:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def _options(
    names: Sequence[str], foreign: ForeignApp | None, *, in_chromium: bool
) -> Sequence[str]:
    """What was tried, as options; without what was filled into the login form."""
    backends = [f"--backend {name}" for name in names]
    return [
        *(_described(foreign) if foreign else ()),
        *backends,
        *(["--browser chromium"] if in_chromium else []),
    ]


def _described(foreign: ForeignApp) -> Iterator[str]:
    yield f"--app {quote(foreign.target)}"
    usual = Paths()
    for name in ("login", "private", "logout"):
        path = getattr(foreign.paths, name)
        if path != getattr(usual, name):
            yield f"--{name} {quote(path)}"
    for name in foreign.paths.fields:
        yield f"--field {quote(name)}=…"
    if foreign.cookie_name != ForeignApp.cookie_name:
        yield f"--cookie {quote(foreign.cookie_name)}"


def _as_text(report: Report, form: str, given: Sequence[str]) -> str:
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
