"""What `flask sessions list` does, on the application of the context."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import click
from flask import current_app

from backends.commands.output import (
    format_minute,
    format_time,
    make_printable,
    print_json,
    print_table,
)
from backends.commands.owner import (
    hint_at_numbers,
    list_owners,
    owner_as_json,
    read_owner,
    require_lister,
    show_owner,
)
from backends.http.user_agent import describe_browser
from backends.server_side import OwnedSession, StoreInterface

COLUMNS = ("OWNER", "HANDLE", "BROWSER", "ADDRESS", "BEGUN (UTC)", "LAST USED (UTC)")


class ListedSession(NamedTuple):
    """A session and whose it is."""

    owner: Any
    session: OwnedSession


def print_sessions(
    text: str | None, is_json: bool, limit: int | None, after: str | None, output: str
) -> None:
    """Print the sessions of the owner, or of every owner that the application names."""
    interface = require_lister(current_app)
    owners = list_owners(interface) if text is None else [read_owner(interface, text, is_json)]
    found = [ListedSession(owner, one) for owner in owners for one in interface.sessions_of(owner)]
    page, more = _cut(found, limit, after)
    if output == "json":
        print_json([_as_json(interface, listed) for listed in page])
    elif page:
        print_table([COLUMNS, *(_as_row(interface, listed) for listed in page)])
    else:
        click.echo("No sessions.")
    if more:
        click.echo(f"{more} more: go on with --after {page[-1].session.handle}", err=True)
    if not found and text is not None:
        hint_at_numbers(text, is_json)


def _cut(
    found: Sequence[ListedSession], limit: int | None, after: str | None
) -> tuple[Sequence[ListedSession], int]:
    """The sessions to print, and how many follow them."""
    if after is not None:
        handles = [listed.session.handle for listed in found]
        if after not in handles:
            raise click.ClickException(
                f"--after: there is no session with the handle {make_printable(after)}, or it has "
                "ended. List from the beginning."
            )
        found = found[handles.index(after) + 1 :]
    page = found[:limit]
    return page, len(found) - len(page)


def _as_row(interface: StoreInterface, listed: ListedSession) -> tuple[str, ...]:
    one = listed.session
    times = map(format_minute, (one.created, one.seen))
    browser, address = describe_browser(one.agent), make_printable(one.address)
    return (show_owner(interface, listed.owner), one.handle, browser, address, *times)


def _as_json(interface: StoreInterface, listed: ListedSession) -> dict[str, Any]:
    one = listed.session
    return {
        "owner": owner_as_json(interface, listed.owner),
        "handle": one.handle,
        "browser": describe_browser(one.agent),
        "user_agent": one.agent,
        "address": one.address,
        "begun": format_time(one.created),
        "begun_seconds": one.created,
        "last_used": format_time(one.seen),
        "last_used_seconds": one.seen,
    }
