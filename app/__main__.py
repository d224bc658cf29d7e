"""The command `session-lab`, which is also `python -m app`: Flask's command line with ours."""

import sys

import click
from flask import Flask
from flask.cli import FlaskGroup, NoAppException

from app import cli, create_app
from app.lab.cli import compare
from app.server import serve
from backends import ConfigurationError


def load() -> Flask:
    """The application for a command. Raises `NoAppException`, which Flask's command line shows."""
    try:
        return create_app()
    except ConfigurationError as error:
        raise NoAppException(str(error)) from error


@click.group(cls=FlaskGroup, create_app=load, add_default_commands=False, load_dotenv=False)
def session_lab() -> None:
    """Sessions of a Flask application: run them, look into them."""


for command in (compare, cli.cookie):  # here too, because they need no application
    session_lab.add_command(command)


@session_lab.command(with_appcontext=False)
def run() -> None:
    """Serve the application on HOST and PORT."""
    serve()


def main() -> None:
    """Run the command; a setting that cannot be is one line and exit status 1."""
    try:
        session_lab()
    except ConfigurationError as error:
        sys.exit(f"session-lab: {error}")


if __name__ == "__main__":
    main()
