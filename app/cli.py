"""The command `session-lab`, Flask's own command line with ours beside it."""

import json
import sys

import click
from flask.cli import FlaskGroup

from app import create_app
from app.server import serve
from backends import ConfigurationError
from backends.cookie import decode_without_key


@click.group(cls=FlaskGroup, create_app=create_app, add_default_commands=False)
def session_lab() -> None:
    """Sessions of a Flask application: run them, look into them."""


@session_lab.command()
def run() -> None:
    """Serve the application on HOST and PORT."""
    serve()


@session_lab.group()
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


def main() -> None:
    """Run the command; a setting that cannot be is one line and exit status 1."""
    try:
        session_lab()
    except ConfigurationError as error:
        sys.exit(f"session-lab: {error}")
