"""The commands that every way in offers: `session-lab …` and `flask --app app …`."""

import json

import click
from flask import Flask

from backends.cookie import decode_without_key


def init_app(app: Flask) -> None:
    """Offer the commands beside Flask's own."""
    app.cli.add_command(cookie)


@click.group()
def cookie() -> None:
    """Look into session cookies."""


@cookie.command()
@click.argument("value")
def decode(value: str) -> None:
    """Print what anybody can read in a Flask session cookie, without the key."""
    decoded = decode_without_key(value)
    if decoded is None:
        raise click.ClickException(
            "Nothing can be read in it: it is not the cookie of a signed session."
        )
    click.echo(json.dumps(decoded.payload, indent=2, ensure_ascii=False))
    click.echo(
        f"signed at {decoded.signed_at.isoformat()}; the signature was not checked", err=True
    )
