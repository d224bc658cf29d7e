"""`flask sessions`: list sessions, end them, sweep the store, check that logins work.

Flask loads this module for the help of any application in the environment (entry point
`flask.commands`): what only the run of a command needs is imported in that command.
"""

import errno
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any

import click
from flask.cli import AppGroup

from backends.settings import ConfigurationError
from backends.store import StoreUnavailable

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a file answers that can take no more of the output."""

json_owner = click.option(
    "--json-owner",
    "is_json",
    is_flag=True,
    help='Read OWNER as JSON: 42 is then the number, and "42" the text.',
)


def output_format(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that all the commands have."""
    option = click.option(
        "--format",
        "output",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="Print for people, or for programs.",
    )
    return option(command)


class SessionsGroup(AppGroup):
    """Commands on the session store; what goes wrong is one line and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="replace")  # an owner's name may be in any script
        with _collect_warnings() as warnings:
            try:
                return super().invoke(ctx)
            except ConfigurationError as error:
                _take_back(warnings, str(error.__cause__))
                raise click.ClickException(str(error)) from error
            except StoreUnavailable as error:
                _take_back(warnings, str(error))
                raise click.ClickException(
                    f"{str(error).rstrip('.')}. Repair it and try again."
                ) from error
            except click.ClickException as error:
                _take_back(warnings, error.message)
                raise
            except OSError as error:
                if error.errno not in FULL:
                    raise
                raise click.ClickException(
                    f"The output cannot be written: {error.strerror}."
                ) from error


def _take_back(warnings: list[str], said: str) -> None:
    """Forget what was logged and is told by itself."""
    warnings[:] = [warning for warning in warnings if warning.rstrip(".") not in said]


@click.group(cls=SessionsGroup)
def sessions() -> None:
    """List the sessions in the store, end them, sweep and check the store."""


@sessions.command("list")
@click.argument("owner", required=False)
@json_owner
@click.option("--limit", type=click.IntRange(min=1), help="Print no more than so many.")
@click.option("--after", metavar="HANDLE", help="Begin behind the session with this handle.")
@output_format
def list_sessions(
    owner: str | None, is_json: bool, limit: int | None, after: str | None, output: str
) -> None:
    """Print the sessions of OWNER, the newest first.

    OWNER is what a session holds under SESSION_OWNER, as text. It can be left out if the
    application names all its owners by SESSION_LIST_OWNERS.
    """
    from backends.commands.list_sessions import print_sessions

    print_sessions(owner, is_json, limit, after, output)


@sessions.command()
@click.argument("owner")
@click.argument("handles", metavar="[HANDLE]...", nargs=-1)
@json_owner
@click.option("--all", "ends_all", is_flag=True, help="End every session of OWNER.")
@click.option("--yes", is_flag=True, help="Do not ask before --all.")
@output_format
def revoke(
    owner: str, handles: tuple[str, ...], is_json: bool, ends_all: bool, yes: bool, output: str
) -> None:
    """End sessions of OWNER. They are logged out at their next request."""
    from backends.commands.revoke_sessions import revoke_all, revoke_handles

    if ends_all == bool(handles):
        raise click.UsageError("Name the sessions by HANDLE, or end all of them by --all.")
    if ends_all:
        revoke_all(owner, is_json, yes, output)
    else:
        revoke_handles(owner, is_json, handles, output)


@sessions.command()
@output_format
def sweep(output: str) -> None:
    """Remove the records of ended sessions, if the store does not do it itself."""
    from backends.commands.sweep_store import sweep_store

    sweep_store(output)


@sessions.command()
@output_format
def check(output: str) -> None:
    """Try what a login does in the store, and name settings that are a risk.

    The exit status is 0 if logins work, and 1 if they do not.
    """
    from backends.commands.check_logins import check_logins

    check_logins(output)


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages = list[str]()

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def _collect_warnings() -> Iterator[list[str]]:
    """Print what the backends warn of when the command ends, unless the application logs it."""
    logger, collector = logging.getLogger("backends"), _Collector()
    logger.addHandler(collector)
    try:
        yield collector.messages
    finally:
        logger.removeHandler(collector)
        if not logger.hasHandlers():
            for message in collector.messages:
                click.echo(f"Warning: {message}", err=True)
