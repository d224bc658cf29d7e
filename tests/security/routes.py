"""The addresses of the application, and a visitor who requests them all."""

from collections.abc import Iterator

from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.support.visitor import Visitor

PROTECTED = ("/dashboard", "/account", "/checkout", "/uploads", "/admin")
"""Pages that need a login."""


def list_paths(app: Flask, method: str) -> list[str]:
    """An address for every route of the application that takes the method."""
    values = {"name": "alice", "slug": "signed"}

    def build(rule: Rule) -> str:
        return "/".join(
            values[part.strip("<>")] if part.startswith("<") else part
            for part in rule.rule.split("/")
        )

    rules = app.url_map.iter_rules()
    own = [rule for rule in rules if not rule.endpoint.endswith("static")]
    return sorted({build(rule) for rule in own if method in (rule.methods or ())})


def visit_everything(visitor: Visitor) -> Iterator[TestResponse]:
    """Request every route, as a guest and logged in; set and delete every cookie."""
    logout, *posts = sorted(list_paths(visitor.app, "POST"), key=lambda path: path != "/logout")
    pages = list_paths(visitor.app, "GET")
    yield from map(visitor.get, pages)
    yield visitor.post("/cart/add", product="jar", quantity="1")
    yield visitor.post(
        "/preferences", theme="dark", language="en", currency="EUR", layout="compact"
    )
    yield visitor.log_in(remember="y")
    yield from map(visitor.get, pages)
    yield from (visitor.post(path) for path in posts if path != "/login")
    yield visitor.post("/preferences/reset")
    yield visitor.post("/articles/forget")
    yield visitor.log_in()
    yield visitor.post(logout)
