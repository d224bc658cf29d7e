"""The command `session-lab`, which is also `python -m app`."""

import os
import sys
from importlib import metadata
from pathlib import Path
from traceback import walk_tb

import click
from flask import Flask
from flask.cli import ScriptInfo

from app import cli, create_app
from backends import ConfigurationError
from backends.commands import sessions

LAB_COMMANDS = ("bench", "compare", "plan")


class SessionLabGroup(click.Group):
    """Has the commands of this project and no others, and imports the laboratory for its own.

    It is no `FlaskGroup`, which adds the commands of every installed package.
    """

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in LAB_COMMANDS:
            from app.lab import cli as lab_cli

            command: click.Command = getattr(lab_cli, name)
            return command
        return super().get_command(ctx, name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*self.commands, *LAB_COMMANDS})


def _print_version(context: click.Context, _option: click.Parameter, is_given: bool) -> None:
    if not is_given:
        return
    try:
        click.echo(f"session-lab {metadata.version('session-lab')}")
    except metadata.PackageNotFoundError:  # click's own option ends in a traceback there
        raise click.ClickException(
            "The version is known only of an installed package; this one runs from its folder."
        ) from None
    context.exit()


@click.group(cls=SessionLabGroup)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
@click.pass_context
def session_lab(context: click.Context) -> None:
    """Sessions of a Flask application: run them, look into them."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise click.ClickException(
            "The current folder is deleted: change to one that is there."
        ) from None
    context.obj = ScriptInfo(create_app=_load_app, set_debug_flag=False)  # `sessions` asks for it


def _load_app() -> Flask:
    from app.factory import build_sessions_app  # here: the other commands need no application

    return build_sessions_app()


session_lab.add_command(cli.cookie)
session_lab.add_command(sessions)


@session_lab.command()
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
        sys.exit(f"session-lab: {error}: pip install './session-lab[app]'.")


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
    names = (importing.f_globals["__name__"], error.name or "")
    importer_is_ours, missing_is_ours = (
        name.partition(".")[0] in ("app", "backends") for name in names
    )
    return importer_is_ours and not missing_is_ours


if __name__ == "__main__":
    main()
