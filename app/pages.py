"""What every page shows: which backend this is, and what its visitor should know of it."""

from typing import Any

from flask import Flask, request
from jinja2 import Environment

from app.config import is_embedded
from backends import BACKENDS


def init_app(app: Flask) -> None:
    """Give the templates their common values and filters."""
    app.context_processor(lambda: _common(app))
    add_filters(app.jinja_env)


def _common(app: Flask) -> dict[str, Any]:
    name = app.config["SESSION_BACKEND"]
    return {
        "backend": BACKENDS[name] if name else None,
        "embedded": is_embedded(app.config),
        "mounted": bool(request.script_root),
    }


def add_filters(environment: Environment) -> None:
    environment.filters["seconds"] = _seconds


def _seconds(count: float) -> str:
    """A duration as people say it: `29 min 58 s`."""
    whole = int(count)
    hours, minutes, seconds = whole // 3600, whole // 60 % 60, whole % 60
    parts = [(hours, "h"), (minutes, "min"), (seconds, "s")]
    return " ".join(f"{value} {unit}" for value, unit in parts if value) or "0 s"
