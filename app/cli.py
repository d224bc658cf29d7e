"""The command `cookie`, which `flask --app app` offers too."""

import sys

import click

MAX_COPIED = 1 << 20
"""Bytes of standard input that may have a cookie in them."""


def _read_input() -> str:
    """What is on standard input. Bytes that are no UTF-8 are in no cookie."""
    if sys.stdin is None:  # it was closed
        return ""
    return sys.stdin.buffer.read(MAX_COPIED).decode("utf-8", "replace")


@click.group()
def cookie() -> None:
    """Look into session cookies."""


# A token may begin with a hyphen, which would be an option.
@cookie.command(context_settings={"ignore_unknown_options": True})
@click.argument("value")
def decode(value: str) -> None:
    """Print what anybody can read in a Flask session cookie without the key.

    VALUE is the cookie as it was copied: its value, `session=…`, or a line `Cookie:` or
    `Set-Cookie:`; `-` reads it from standard input.
    """
    from app.web import cookie_text

    copied = _read_input() if value == "-" else value
    found = cookie_text.decode_copied(copied)
    if found is None:
        raise click.ClickException(
            "Nothing can be read in it: it is not the cookie of a signed session."
        )
    click.echo(cookie_text.describe(found, whole=True))
    click.echo(f"signed at {found.signed_at.isoformat()}; the signature was not checked", err=True)
