"""The command `session-lab`, which is also `python -m app`: Flask's commands and this project's."""

import sys

import click
from flask import Flask
from flask.cli import FlaskGroup, NoAppException

from app import cli, create_app
from backends import ConfigurationError


def load_app() -> Flask:
    """The application for a command. Raises `NoAppException`, which Flask's command line shows."""
    try:
        return create_app()
    except ConfigurationError as error:
        raise NoAppException(str(error)) from error


LAB_COMMANDS = ("bench", "compare", "plan")


class SessionLabGroup(FlaskGroup):
    """Finds every command without making an application, and imports the laboratory for its own."""

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in LAB_COMMANDS:
            from app.lab import cli as lab_cli

            command: click.Command = getattr(lab_cli, name)
            return command
        return super().get_command(ctx, name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        # Flask's own makes the application to ask for its commands; it has no others than these.
        return sorted({*self.commands, *LAB_COMMANDS})


@click.group(
    cls=SessionLabGroup, create_app=load_app, add_default_commands=False, load_dotenv=False
)
def session_lab() -> None:
    """Sessions of a Flask application: run them, look into them."""


# Here too, because to find them needs no application.
session_lab.add_command(cli.cookie)
session_lab.add_command(cli.sessions)


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
