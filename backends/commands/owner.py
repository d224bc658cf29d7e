"""The owner whose sessions a command is about, and whether the application can list them."""

import json
from collections.abc import Iterable
from typing import Any

import click
from flask import Flask, current_app

from backends.commands.output import make_printable
from backends.registry import BACKENDS, BUILT_IN, Backend, find_backend, lister_of
from backends.server_side import StoreInterface
from backends.settings import ConfigurationError
from backends.store import NamesLocation


def require_backend(app: Flask) -> Backend:
    """The application's backend. Raises `ClickException` if it installed none."""
    backend = find_backend(app)
    if backend is not None:
        return backend
    if app.config.get("SESSION_BACKEND", "") is None:
        raise click.ClickException(
            f"No session backend is chosen. Set SESSION_BACKEND to one of: {', '.join(BACKENDS)}."
        )
    raise click.ClickException(
        f"The application {app.name!r} has no session backend of this package: "
        "call backends.init_app(app) where it is made."
    )


def require_lister(app: Flask) -> StoreInterface:
    """The interface that lists sessions. Raises `ClickException` with the reason without one."""
    backend, interface = require_backend(app), lister_of(app)
    if interface is None:
        raise click.ClickException(
            f"SESSION_BACKEND={backend.name} cannot tell whose a session is, so it lists and ends "
            f"none. Those that can: {', '.join(_listing_backends())}."
        )
    if not app.config.get("SESSION_OWNER"):
        raise click.ClickException(
            "SESSION_OWNER is not set, so nobody's sessions can be found. Name the session key "
            "that holds the user, such as SESSION_OWNER='user'."
        )
    if isinstance(interface.store, NamesLocation) and interface.store.location() is None:
        raise click.ClickException(
            "The embedded Redis lives in the process that serves. Set REDIS_URL to look into one."
        )
    return interface


def read_owner(interface: StoreInterface, text: str, is_json: bool) -> Any:
    """The owner that the text names. Raises `UsageError` for invalid JSON."""
    if not is_json:
        return text
    try:
        owner = interface.serializer.decode(text)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        owner = None
    if owner is None:
        raise click.UsageError(
            "--json-owner: OWNER is no JSON of an owner. Give a number, such as 42, or a text in "
            "quotes, such as '\"ada\"'."
        )
    return owner


def list_owners(interface: StoreInterface) -> list[Any]:
    """All the owners that the application names.

    Raises `UsageError` if it names none, and `ConfigurationError` if it cannot be asked for them,
    or names what no session can hold.
    """
    name_all = current_app.config.get("SESSION_LIST_OWNERS")
    if name_all is None:
        raise click.UsageError("Missing argument 'OWNER': name whose sessions to list.")
    owners = name_all() if callable(name_all) else None
    if isinstance(owners, str | bytes) or not isinstance(owners, Iterable):
        raise ConfigurationError(
            "SESSION_LIST_OWNERS is no function that returns the owners: give one, such as "
            "lambda: ['ada', 'bob']."
        )
    found = list(owners)
    for owner in found:
        try:
            interface.serializer.encode(owner)
        except TypeError:
            raise ConfigurationError(
                f"SESSION_LIST_OWNERS names {type(owner).__name__} objects, which no session can "
                "hold: name what sessions hold under SESSION_OWNER."
            ) from None
    return found


def hint_at_numbers(text: str, is_json: bool) -> None:
    """Say of an owner without sessions that a number was looked for as text, if it was."""
    digits = text.removeprefix("-")
    if not is_json and digits.isascii() and digits.isdigit():
        click.echo(
            f"{text} was looked for as text. If SESSION_OWNER holds a number, add --json-owner.",
            err=True,
        )


def owner_as_json(interface: StoreInterface, owner: Any) -> Any:
    """The owner as `--json-owner` takes it, tags included."""
    return json.loads(interface.serializer.encode(owner))


def show_owner(interface: StoreInterface, owner: Any) -> str:
    """The owner for people: text as it is, other values as JSON."""
    text = owner if isinstance(owner, str) else interface.serializer.encode(owner)
    return make_printable(text)


def _listing_backends() -> list[str]:
    return [each.name for each in BUILT_IN.values() if each.revocable and not each.stock]
