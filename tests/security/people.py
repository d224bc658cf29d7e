"""A person at the application, with a browser of their own or a copied token."""

from collections.abc import Iterator
from typing import Any, Self

from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.support.visitor import Visitor

PASSWORDS = {"alice": "wonderland", "bob": "builder"}
PROTECTED = ("/dashboard", "/account", "/checkout", "/uploads", "/admin")
"""Pages that need a login."""


class Person(Visitor):
    """A visitor of either profile."""

    def __init__(self, app: Flask, token: str | None = None) -> None:
        super().__init__(app)
        self.origin = f"{app.config['PREFERRED_URL_SCHEME']}://localhost"
        self.client.environ_base["HTTP_ORIGIN"] = self.origin
        if token is not None:
            self.client.set_cookie(self.cookie_name, token)

    @property
    def cookie_name(self) -> str:
        return str(self.app.config["SESSION_COOKIE_NAME"])

    def in_as(self, name: str) -> Self:
        assert self.log_in(name, PASSWORDS[name]).status_code == 302
        return self

    @property
    def secret(self) -> str:
        """The token, of which there must be one."""
        assert self.token is not None
        return self.token

    @property
    def is_in(self) -> bool:
        """Whether this person sees a page that needs a login."""
        return self.get("/dashboard").status_code == 200

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, **more)

    def post(self, path: str, **fields: str) -> TestResponse:
        return self.client.post(path, data=fields)

    def note(self, text: str) -> TestResponse:
        return self.post("/dashboard/note", note=text)


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


def visit_everything(person: Person) -> Iterator[TestResponse]:
    """Request every route, as a guest and logged in; set and delete every cookie."""
    logout, *posts = sorted(list_paths(person.app, "POST"), key=lambda path: path != "/logout")
    pages = list_paths(person.app, "GET")
    login = {"username": "alice", "password": "wonderland"}
    yield from map(person.get, pages)
    yield person.post("/cart/add", product="jar", quantity="1")
    yield person.post("/preferences", theme="dark", language="en", currency="EUR", layout="compact")
    yield person.post("/login", **login, remember="y")
    yield from map(person.get, pages)
    yield from (person.post(path) for path in posts if path != "/login")
    yield person.post("/preferences/reset")
    yield person.post("/articles/forget")
    yield person.post("/login", **login)
    yield person.post(logout)
