"""The values that every page's layout needs: the backend and the menu."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from flask import Flask, Request, request, url_for

from app.accounts.database import is_admin
from app.config import PRODUCTION, is_embedded
from app.web import formatting
from backends import BACKENDS

NAVIGATION = (
    (
        "Start",
        (
            ("side_by_side.index", "Side by side"),
            ("dashboard.dashboard", "Dashboard"),
        ),
    ),
    (
        "Demos",
        (
            ("articles.index", "Articles"),
            ("cart.index", "Cart"),
            ("uploads.index", "Uploads"),
            ("preferences.index", "Preferences"),
            ("building_blocks.index", "Building blocks"),
        ),
    ),
    (
        "You",
        (("sessions.index", "Sessions"), ("account.index", "Account"), ("admin.index", "Admin")),
    ),
    ("What is true", (("lab.index", "Laboratory"), ("choose.index", "Which one?"))),
)
"""The menu by groups: endpoint and label; entries without a view are left out."""

FOR_ADMINISTRATORS = ("admin.index",)
"""Entries for pages on which an administrator is logged in."""


class Link(NamedTuple):
    """One entry of the menu."""

    url: str
    label: str
    current: str | None
    """For `aria-current`: `page`, `true` for a page of the same part, `None` for others."""
    for_administrators: bool


def init_app(app: Flask) -> None:
    """Give the templates their common values and filters."""
    app.context_processor(lambda: _common_values(app, request))
    formatting.add_filters(app.jinja_env)


def _common_values(app: Flask, request: Request) -> dict[str, Any]:
    name = app.config["SESSION_BACKEND"]
    return {
        "backend": BACKENDS[name] if name else None,
        "lab": app.config["LAB"],
        "development": app.config["APP_PROFILE"] != PRODUCTION,
        "embedded": is_embedded(app.config),
        "mounted": bool(request.script_root),
        "navigation": {group: links for group, links in _list_links(app, request) if links},
        "is_admin": is_admin,
    }


def _list_links(app: Flask, request: Request) -> Iterator[tuple[str, list[Link]]]:
    for group, entries in NAVIGATION:
        yield (
            group,
            [
                Link(
                    url_for(endpoint),
                    label,
                    _describe_current(endpoint, request),
                    endpoint in FOR_ADMINISTRATORS,
                )
                for endpoint, label in entries
                if endpoint in app.view_functions
            ],
        )


def _describe_current(endpoint: str, request: Request) -> str | None:
    if endpoint == request.endpoint:
        return "page"
    return "true" if endpoint.partition(".")[0] == request.blueprint else None
