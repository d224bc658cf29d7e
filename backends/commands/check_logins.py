"""What `flask sessions check` does, on the application of the context."""

from typing import Any, NamedTuple

import click
from flask import Flask, current_app

from backends.commands.output import format_time, print_json
from backends.commands.owner import require_backend
from backends.interface import BackendInterface
from backends.registry import Backend, find_risk, lister_of
from backends.server_side import StoreInterface
from backends.store import NamesLocation, StoreUnavailable


class MoveState(NamedTuple):
    """The move of sessions from the interface before (`SESSION_MIGRATE_FROM`)."""

    source: str
    until: float | None
    """Seconds since the epoch; `None` if its end has come."""


class CheckResult(NamedTuple):
    """What is known of the application's sessions."""

    backend: Backend
    location: str
    failure: str | None
    """Why logins do not work; `None` if they do."""
    owner_key: str | None
    """The session key of the owner, if sessions can be listed by it."""
    move: MoveState | None
    warnings: list[str]
    notes: list[str]


def check_logins(output: str) -> None:
    """Print the result. Raises `ClickException` if logins do not work."""
    result = _check(current_app)
    if output == "json":
        print_json(_as_json(result))
    else:
        _print_text(result)
    if result.failure:
        raise click.ClickException(result.failure)


def _check(app: Flask) -> CheckResult:
    backend = require_backend(app)
    failure, risk = _try_login(app, backend)
    owner_key = app.config.get("SESSION_OWNER") if lister_of(app) else None
    warnings, notes = ([risk] if risk else []), list[str]()
    if lister_of(app) is None:
        notes.append(f"SESSION_BACKEND={backend.name} can neither list sessions nor end them.")
    elif not owner_key:
        warnings.append(
            "SESSION_OWNER is not set: sessions cannot be listed, and users cannot end their other "
            "sessions. Name the session key that holds the user."
        )
    move = _find_move(app)
    if move and move.until is None:
        warnings.append(
            "SESSION_MIGRATE_UNTIL is over: nobody is moved any more. Remove it and "
            "SESSION_MIGRATE_FROM."
        )
    if not app.config["SESSION_COOKIE_SECURE"]:
        notes.append(
            "SESSION_COOKIE_SECURE is off: browsers send the session over HTTP too. Turn it on "
            "where HTTPS is served."
        )
    return CheckResult(
        backend, _find_location(app, backend), failure, owner_key, move, warnings, notes
    )


def _try_login(app: Flask, backend: Backend) -> tuple[str | None, str | None]:
    """Why logins do not work, and how sessions may be lost; `None` each if it is not so."""
    # Flask-Session signs nothing unless it is told to.
    if not app.secret_key and (
        isinstance(app.session_interface, BackendInterface) or backend.check is None
    ):
        return "SECRET_KEY is not set: no session can begin. Set one.", None
    try:
        if backend.check is not None:
            backend.check(app)
        return None, find_risk(app)
    except StoreUnavailable as error:
        return f"{str(error).rstrip('.')}. Repair it and try again.", None


def _find_location(app: Flask, backend: Backend) -> str:
    interface = app.session_interface
    if isinstance(interface, StoreInterface) and isinstance(interface.store, NamesLocation):
        return interface.store.location() or "inside this process, and gone when it ends"
    return "in the browsers' cookies" if backend.state == "browser" else "on the server"


def _find_move(app: Flask) -> MoveState | None:
    interface, source = app.session_interface, app.config.get("SESSION_MIGRATE_FROM")
    if not source or not isinstance(interface, BackendInterface):
        return None
    migration = interface.migration
    if migration is None or migration.until.timestamp() <= interface.clock():
        return MoveState(migration.old.source if migration else str(source), None)
    return MoveState(migration.old.source, migration.until.timestamp())


def _as_json(result: CheckResult) -> dict[str, Any]:
    move = result.move
    until = move.until if move else None
    return {
        "backend": result.backend.name,
        "location": result.location,
        "works": result.failure is None,
        "failure": result.failure,
        "owner_key": result.owner_key,
        "moves_from": move.source if move and until else None,
        "moves_until": until and format_time(until),
        "moves_until_seconds": until,
        "warnings": result.warnings,
        "notes": result.notes,
    }


def _print_text(result: CheckResult) -> None:
    move = result.move
    until = move and move.until
    lines = {
        "Backend": f"{result.backend.name} ({result.backend.title})",
        "Sessions": result.location,
        "Logins": "do not work" if result.failure else "work",
        "Lists": f"by session[{result.owner_key!r}]" if result.owner_key else "off",
        "Move": f"from {move.source} until {format_time(until)}" if move and until else "none",
    }
    for name, text in lines.items():
        click.echo(f"{name + ':':<10}{text}")
    for kind, messages in (("Warning", result.warnings), ("Note", result.notes)):
        for message in messages:
            click.echo(f"{kind}: {message}")
