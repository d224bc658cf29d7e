"""The values that every page's layout needs: the backend and the menu."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import Any, NamedTuple

from flask import Flask, request, url_for

from app.accounts.database import is_admin
from app.config import PRODUCTION, is_embedded
from app.languages.language import describe_english_only, page_language, visitor_language
from app.languages.texts import lazy_gettext
from app.web import formatting
from backends import find_backend

NAVIGATION = (
    (
        lazy_gettext("Start"),
        (
            ("side_by_side.index", lazy_gettext("Side by side")),
            ("dashboard.dashboard", lazy_gettext("Dashboard")),
        ),
    ),
    (
        lazy_gettext("Demos"),
        (
            ("articles.index", lazy_gettext("Articles")),
            ("cart.index", lazy_gettext("Cart")),
            ("uploads.index", lazy_gettext("Uploads")),
            ("preferences.index", lazy_gettext("Preferences")),
            ("building_blocks.index", lazy_gettext("Building blocks")),
        ),
    ),
    (
        lazy_gettext("You"),
        (
            ("sessions.index", lazy_gettext("Sessions")),
            ("account.index", lazy_gettext("Account")),
            ("admin.index", lazy_gettext("Admin")),
        ),
    ),
    (
        lazy_gettext("What is true"),
        (("lab.index", lazy_gettext("Laboratory")), ("choose.index", lazy_gettext("Which one?"))),
    ),
)
"""The menu by groups: endpoint and label; entries without a view are left out."""

AROUND = {"side_by_side.index": "/", "lab.index": "/lab", "choose.index": "/choose"}
"""Pages of the application around a mount, where its menu leads too: endpoint and address."""


class Link(NamedTuple):
    """One entry of the menu."""

    endpoint: str
    url: str
    label: str


Menu = dict[str, list[Link]]
"""The entries by the label of their group."""


def init_app(app: Flask) -> None:
    """Give the templates their common values and filters, and pages of JSON their icon."""

    @lru_cache(maxsize=16)
    def make_menu(mount: str, language: str) -> Menu:
        """Made once for a mount and a language: nine addresses cost a fifth of a small page."""
        return {
            str(group): links
            for group, entries in NAVIGATION
            if (links := [*_list_links(app, entries)])
        }

    app.context_processor(lambda: _common_values(app, make_menu))
    formatting.add_filters(app.jinja_env)
    # Where browsers look on their own: a page of JSON names no icon. It is served under any name
    # of the host, as all endpoints are that end with `static`.
    app.add_url_rule("/favicon.ico", "icon_static", partial(app.send_static_file, "favicon.svg"))


def _common_values(app: Flask, make_menu: Callable[[str, str], Menu]) -> dict[str, Any]:
    language = page_language()
    return {
        "backend": find_backend(app),
        "lab": app.config["LAB"],
        "development": app.config["APP_PROFILE"] != PRODUCTION,
        "embedded": is_embedded(app.config),
        "mounted": bool(request.script_root),
        "navigation": make_menu(request.script_root, language),
        "is_admin": is_admin,
        "language": language,
        "visitor_language": visitor_language(),
        "describe_english_only": describe_english_only,
    }


def _list_links(app: Flask, entries: Iterable[tuple[str, Any]]) -> Iterator[Link]:
    for endpoint, label in entries:
        address = _find_address(app, endpoint)
        if address is not None:
            yield Link(endpoint, address, str(label))


def _find_address(app: Flask, endpoint: str) -> str | None:
    if endpoint in app.view_functions:
        return url_for(endpoint)
    if not request.script_root or (endpoint != "side_by_side.index" and not app.config["LAB"]):
        return None
    return AROUND.get(endpoint)
