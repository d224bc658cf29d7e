"""What `flask sessions sweep` does, on the application of the context."""

import sys

import click
from flask import current_app

from backends.commands.output import is_terminal, print_json
from backends.commands.owner import require_backend
from backends.server_side import StoreInterface
from backends.store import Sweeps


def sweep_store(output: str) -> None:
    """Remove what has ended, with a progress bar at a terminal."""
    backend, interface = require_backend(current_app), current_app.session_interface
    store = interface.store if isinstance(interface, StoreInterface) else None
    if isinstance(store, Sweeps):
        _report(_sweep(store), "", output)
    elif store is not None:
        _report(0, "this store removes ended sessions itself", output)
    elif backend.state == "browser":
        _report(0, "the sessions are in the browsers' cookies", output)
    elif backend.on_redis:
        _report(0, "Redis removes ended sessions itself", output)
    else:
        raise click.ClickException(
            f"SESSION_BACKEND={backend.name} has no way to find ended sessions. One that this "
            "command can sweep: filesystem."
        )


def _sweep(store: Sweeps) -> int:
    with click.progressbar(
        store.sweep(),
        length=store.steps,
        label="Sweeping",
        file=sys.stderr,
        hidden=not is_terminal(sys.stderr),
    ) as steps:
        return sum(steps)


def _report(removed: int, reason: str, output: str) -> None:
    if output == "json":
        print_json({"removed": removed, "reason": reason or None})
    elif reason:
        click.echo(f"Nothing to do: {reason}.")
    else:
        click.echo(f"Records of ended sessions removed: {removed}.")
