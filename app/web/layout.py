"""The values that every page's layout needs: the backend and the menu."""

from typing import Any, NamedTuple

from flask import Flask, Request, request, url_for

from app.config import PRODUCTION, is_embedded
from app.web import formatting
from backends import BACKENDS

NAVIGATION = (
    ("side_by_side.index", "Side by side"),
    ("public_pages.home", "Start"),
    ("dashboard.dashboard", "Dashboard"),
    ("sessions.index", "Sessions"),
    ("articles.index", "Articles"),
    ("cart.index", "Cart"),
    ("checkout.index", "Checkout"),
    ("uploads.index", "Uploads"),
    ("preferences.index", "Preferences"),
    ("building_blocks.index", "Building blocks"),
    ("account.index", "Account"),
    ("admin.index", "Admin"),
    ("lab.index", "Laboratory"),
    ("choose.index", "Which one?"),
)
"""The menu: endpoint and label; entries without a view are left out."""


class Link(NamedTuple):
    """One entry of the menu."""

    url: str
    label: str
    is_current: bool


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
        "navigation": [
            Link(url_for(endpoint), label, endpoint == request.endpoint)
            for endpoint, label in NAVIGATION
            if endpoint in app.view_functions
        ],
    }
