"""What `flask sessions revoke` does, on the application of the context."""

import sys
from collections.abc import Collection, Sequence
from typing import Any

import click
from flask import current_app

from backends.audit_log import log_event
from backends.commands.output import is_terminal, make_printable, print_json
from backends.commands.owner import (
    hint_at_numbers,
    owner_as_json,
    read_owner,
    require_lister,
    show_owner,
)
from backends.server_side import StoreInterface


def revoke_handles(text: str, is_json: bool, handles: Sequence[str], output: str) -> None:
    """End the owner's sessions with these handles.

    Raises `ClickException` for a handle that the owner does not have, once the others have ended.
    """
    interface = require_lister(current_app)
    owner = read_owner(interface, text, is_json)
    known = _handles_of(interface, owner)
    unknown = [handle for handle in dict.fromkeys(handles) if handle not in known]
    ended = interface.revoke(owner, known.intersection(handles))
    _report(interface, owner, ended, unknown, output)
    if unknown:
        has_none = " and ".join(map(make_printable, unknown))
        raise click.ClickException(
            f"{show_owner(interface, owner)} has no session with the handle {has_none}."
        )


def revoke_all(text: str, is_json: bool, yes: bool, output: str) -> None:
    """End all sessions of the owner; at a terminal, ask first."""
    interface = require_lister(current_app)
    owner = read_owner(interface, text, is_json)
    count = len(_handles_of(interface, owner))
    if count and not yes and is_terminal(sys.stdin):
        who = show_owner(interface, owner)
        click.confirm(f"End all sessions of {who} ({count})?", abort=True, err=True)
    _report(interface, owner, _end_all(interface, owner), [], output)
    if not count:
        hint_at_numbers(text, is_json)


def _end_all(interface: StoreInterface, owner: Any) -> int:
    """End all sessions, also one that got another handle while the others ended."""
    ended, tried = 0, set[str]()
    while handles := _handles_of(interface, owner) - tried:
        ended += interface.revoke(owner, handles)
        tried |= handles
    return ended


def _handles_of(interface: StoreInterface, owner: Any) -> set[str]:
    return {session.handle for session in interface.sessions_of(owner)}


def _report(
    interface: StoreInterface, owner: Any, ended: int, unknown: Collection[str], output: str
) -> None:
    log_event(current_app, "sessions ended", owner=owner, by="the command line", ended=ended)
    if output == "json":
        shown = owner_as_json(interface, owner)
        print_json({"owner": shown, "ended": ended, "unknown": [*unknown]})
    elif ended or not unknown:
        click.echo(f"Sessions of {show_owner(interface, owner)} ended: {ended}.")
