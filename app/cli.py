"""The commands of `session-lab` that `flask --app app` offers too."""

import sys
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup

from backends import StoreUnavailable

MAX_COPIED = 1 << 20
"""Characters of standard input that may have a cookie in them."""


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
    """Print what anybody can read in a Flask session cookie without the key.

    VALUE is the cookie as it was copied: its value, `session=…`, or a line `Cookie:` or
    `Set-Cookie:`; `-` reads it from standard input.
    """
    from app.web import cookie_text

    copied = sys.stdin.read(MAX_COPIED) if value == "-" else value
    found = cookie_text.decode_copied(copied)
    if found is None:
        raise click.ClickException(
            "Nothing can be read in it: it is not the cookie of a signed session."
        )
    click.echo(cookie_text.describe(found, whole=True))
    click.echo(f"signed at {found.signed_at.isoformat()}; the signature was not checked", err=True)


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
    # Imported here, as below: to find a command needs none of the application's modules.
    from app.accounts.commands import print_sessions

    print_sessions(user)


@sessions.command()
@click.argument("user")
@click.option("--handle", help="End the one session of this handle, not all of them.")
def revoke(user: str, handle: str | None) -> None:
    """End the sessions of USER. They are logged out at their next request."""
    from app.accounts.commands import revoke_sessions

    revoke_sessions(user, handle)


@sessions.command()
def sweep() -> None:
    """Remove the records of ended sessions, if the store does not do it itself."""
    from app.accounts.commands import sweep_store

    sweep_store()
