"""The command `session-lab`, which is also `python -m app`."""

import os
import sys
from importlib import metadata
from pathlib import Path
from traceback import walk_tb

import click
from flask import Flask
from flask.cli import AppGroup, FlaskGroup

from app import cli, create_app
from backends import ConfigurationError
from backends.commands import sessions


def load_app() -> Flask:
    """The application for `sessions`, which makes no file. Raises `ConfigurationError`."""
    from app.factory import build_sessions_app  # here: the other commands need no application

    return build_sessions_app()


PACKAGE = "session-lab"

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


def _print_version(context: click.Context, _option: click.Parameter, is_given: bool) -> None:
    if not is_given:
        return
    try:
        click.echo(f"{PACKAGE} {metadata.version(PACKAGE)}")
    except metadata.PackageNotFoundError:
        raise click.ClickException(
            "The version is known only of an installed package; this one runs from its folder."
        ) from None
    context.exit()


@click.group(
    cls=SessionLabGroup,
    create_app=load_app,
    add_default_commands=False,
    add_version_option=False,  # it would print the versions of Flask and Python
    load_dotenv=False,
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def session_lab() -> None:
    """Sessions of a Flask application: run them, look into them."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise click.ClickException(
            "The current folder is deleted: change to one that is there."
        ) from None


# Flask's own, and without effect: this command has one application, never its debugger, and the
# environment for its settings.
WITHOUT_EFFECT = ("app", "debug", "env_file")
session_lab.params = [each for each in session_lab.params if each.name not in WITHOUT_EFFECT]
session_lab.add_command(cli.cookie)
session_lab.add_command(sessions)


@session_lab.command(with_appcontext=False)
def run() -> None:
    """Serve the application on HOST and PORT."""
    app = create_app()  # before gunicorn, whose import fails where WEB_CONCURRENCY is no number
    from app.server import serve  # here, because gunicorn slows the other commands down

    serve(app)


def main() -> None:
    """Run the command; what it cannot work with ends it with one line."""
    _open_missing_streams()
    try:
        session_lab()
    except OSError as error:
        _drop_output()
        sys.exit(f"session-lab: {error}.")
    except ConfigurationError as error:
        sys.exit(f"session-lab: {error}")
    except ModuleNotFoundError as error:
        if not _is_of_an_extra(error):
            raise
        sys.exit(f"session-lab: {error}: pip install './{PACKAGE}[app]'.")


def _open_missing_streams() -> None:
    """Open the streams that the caller closed, so that no socket or file takes their place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, PTH123 - for good


def _drop_output() -> None:
    """Drop what cannot be written, so that the flush at exit does not raise."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_of_an_extra(error: ModuleNotFoundError) -> bool:
    """Whether this project's own code imports the module, and somebody else brings it."""
    *_, (importing, _line) = walk_tb(error.__traceback__)
    own = {"app", "backends"}
    return (
        _package_of(importing.f_globals["__name__"]) in own and _package_of(error.name) not in own
    )


def _package_of(module: str | None) -> str:
    return (module or "").partition(".")[0]


if __name__ == "__main__":
    main()
