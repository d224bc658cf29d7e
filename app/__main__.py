"""The command `session-lab`, which is also `python -m app`."""

import sys

import click
from flask import Flask
from flask.cli import AppGroup, FlaskGroup

from app import cli
from backends import ConfigurationError
from backends.commands import sessions


def load_app() -> Flask:
    """The application for `sessions`, which makes no file. Raises `ConfigurationError`."""
    from app.factory import build_sessions_app  # here: the other commands need no application

    return build_sessions_app()


LAB_COMMANDS = ("bench", "compare", "plan")


class SessionLabGroup(FlaskGroup):
    """Has the commands of this project and no others, and imports the laboratory for its own."""

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in LAB_COMMANDS:
            from app.lab import cli as lab_cli

            command: click.Command = getattr(lab_cli, name)
            return command
        # Not Flask's own: it adds the commands of every installed package, and asks an application.
        return AppGroup.get_command(self, ctx, name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*self.commands, *LAB_COMMANDS})


@click.group(
    cls=SessionLabGroup, create_app=load_app, add_default_commands=False, load_dotenv=False
)
def session_lab() -> None:
    """Sessions of a Flask application: run them, look into them."""


session_lab.add_command(cli.cookie)
session_lab.add_command(sessions)


@session_lab.command(with_appcontext=False)
def run() -> None:
    """Serve the application on HOST and PORT."""
    from app.server import serve  # here, because gunicorn slows the other commands down

    serve()


def main() -> None:
    """Run the command; an invalid setting is one line and exit status 1."""
    try:
        session_lab()
    except ConfigurationError as error:
        sys.exit(f"session-lab: {error}")


if __name__ == "__main__":
    main()
