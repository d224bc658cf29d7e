"""Somebody at the application, with a browser of their own or a copied token."""

from typing import Any, Self

from flask import Flask
from werkzeug.test import TestResponse

from tests.conftest import Visitor

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
            self.take(token)

    def take(self, token: str) -> None:
        """Hold this token, as who copied or planted it."""
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
        """Whether the application lets this person see a page that needs a login."""
        return self.get("/dashboard").status_code == 200

    def copy(self) -> "Person":
        """Somebody with a copy of the token as it is now."""
        return Person(self.app, self.secret)

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, **more)

    def post(self, path: str, **fields: str) -> TestResponse:
        return self.client.post(path, data=fields)

    def note(self, text: str) -> TestResponse:
        return self.post("/dashboard/note", note=text)
