"""What the commands `session-lab sessions` do, on the application of the context."""

import sys
from collections.abc import Sequence

import click
from flask import current_app

from app.accounts.database import list_account_names
from app.accounts.sessions import can_list_sessions, describe_browser, end_sessions, find_sessions
from app.config import is_embedded
from app.web.formatting import moment
from backends import BACKENDS, interface_of
from backends.server_side import OwnedSession
from backends.store import Sweeps

COLUMNS = ("USER", "HANDLE", "BROWSER", "ADDRESS", "SINCE (UTC)", "LAST SEEN (UTC)")


def print_sessions(user: str | None) -> None:
    """A table of the sessions of `user`, or of every account."""
    _require_listable_sessions()
    users = [user] if user is not None else list_account_names()
    rows = [_format_row(name, listed) for name in users for listed in find_sessions(name)]
    if not rows:
        click.echo("No sessions.")
        return
    for line in _align([COLUMNS, *rows]):
        click.echo(line)


def revoke_sessions(user: str, handle: str | None) -> None:
    """End the one session of `handle`, or all of the user's."""
    _require_listable_sessions()
    handles = [handle] if handle else [listed.handle for listed in find_sessions(user)]
    ended = end_sessions(user, handles, "the command line")
    if handle and not ended:
        raise click.ClickException(f"{user} has no session with the handle {handle}.")
    click.echo(f"Sessions of {user} ended: {ended}.")


def sweep_store() -> None:
    """Remove the records of ended sessions, with a progress bar."""
    _require_listable_sessions()
    store = interface_of(current_app).store
    if not isinstance(store, Sweeps):
        click.echo("Nothing to do: this store removes ended sessions itself.")
        return
    with click.progressbar(
        store.sweep(), length=store.steps, label="Sweeping", file=sys.stderr
    ) as steps:
        removed = sum(steps)
    click.echo(f"Files of ended sessions removed: {removed}.")


def _require_listable_sessions() -> None:
    """Raise `ClickException` with the reason if sessions cannot be listed from here."""
    name = current_app.config["SESSION_BACKEND"]
    if name is None:
        raise click.ClickException(
            f"Several backends are mounted. Set SESSION_BACKEND to one of: {', '.join(BACKENDS)}."
        )
    if not can_list_sessions():
        raise click.ClickException(
            f"SESSION_BACKEND={name} cannot tell whose a session is, so it lists and ends none."
        )
    if is_embedded(current_app.config):
        raise click.ClickException(
            "The embedded Redis lives in the process that serves. Set REDIS_URL to look into one."
        )


def _format_row(user: str, owned: OwnedSession) -> tuple[str, ...]:
    times = (f"{moment(seconds):%Y-%m-%d %H:%M}" for seconds in (owned.created, owned.seen))
    return (user, owned.handle, describe_browser(owned.agent), owned.address, *times)


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
