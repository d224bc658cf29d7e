"""The commands of `session-lab` that `flask --app app` offers too."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from app.accounts.database import list_account_names
from app.accounts.sessions import can_list_sessions, describe_browser, end_sessions, find_sessions
from app.config import is_embedded
from app.web.formatting import moment
from backends import BACKENDS, StoreUnavailable, interface_of
from backends.cookie_format import decode_without_key
from backends.server_side import OwnedSession
from backends.store import Sweeps

COLUMNS = ("USER", "HANDLE", "BROWSER", "ADDRESS", "SINCE (UTC)", "LAST SEEN (UTC)")


def init_app(app: Flask) -> None:
    """Offer the commands beside Flask's own."""
    for command in (cookie, sessions):
        app.cli.add_command(command)


@click.group()
def cookie() -> None:
    """Look into session cookies."""


@cookie.command()
@click.argument("value")
def decode(value: str) -> None:
    """Print what anybody can read in a Flask session cookie without the key."""
    decoded = decode_without_key(value)
    if decoded is None:
        raise click.ClickException(
            "Nothing can be read in it: it is not the cookie of a signed session."
        )
    click.echo(json.dumps(decoded.payload, indent=2, ensure_ascii=False))
    click.echo(
        f"signed at {decoded.signed_at.isoformat()}; the signature was not checked", err=True
    )


class StoreGroup(AppGroup):
    """Commands on the store; a failure of it is one line and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except StoreUnavailable as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=StoreGroup)
def sessions() -> None:
    """List the sessions in the store, end them, remove expired records."""


@sessions.command("list")
@click.argument("user", required=False)
def list_sessions(user: str | None) -> None:
    """Print the sessions of USER, or of every account."""
    _require_listable_sessions()
    users = [user] if user is not None else list_account_names()
    rows = [_format_row(name, listed) for name in users for listed in find_sessions(name)]
    if not rows:
        click.echo("No sessions.")
        return
    for line in _align([COLUMNS, *rows]):
        click.echo(line)


@sessions.command()
@click.argument("user")
@click.option("--handle", help="End the one session of this handle, not all of them.")
def revoke(user: str, handle: str | None) -> None:
    """End the sessions of USER. They are logged out at their next request."""
    _require_listable_sessions()
    handles = [handle] if handle else [listed.handle for listed in find_sessions(user)]
    ended = end_sessions(user, handles, "the command line")
    if handle and not ended:
        raise click.ClickException(f"{user} has no session with the handle {handle}.")
    click.echo(f"Sessions of {user} ended: {ended}.")


@sessions.command()
def sweep() -> None:
    """Remove the records of ended sessions, if the store does not do it itself."""
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
