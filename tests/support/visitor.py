"""A visitor of an application under test: a browser, logged in or not."""

from typing import Any, Self
from unittest.mock import patch

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PASSWORDS = {"alice": "wonderland", "bob": "builder"}


class Visitor:
    """Somebody with their own browser, or with a copied token."""

    def __init__(self, app: Flask, token: str | None = None, agent: str | None = None) -> None:
        self.app = app
        self.client: FlaskClient = app.test_client()
        self.client.environ_base["HTTP_ORIGIN"] = (
            f"{app.config['PREFERRED_URL_SCHEME']}://localhost"
        )
        if agent is not None:
            self.client.environ_base["HTTP_USER_AGENT"] = agent
        if token is not None:
            self.client.set_cookie(self.cookie_name, token)

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, **more)

    def post(self, path: str, **fields: Any) -> TestResponse:
        return self.client.post(path, data=fields)

    def submit(self, path: str, **fields: Any) -> TestResponse:
        """Post a form and follow the redirects to the page that they lead to."""
        return self.client.post(path, data=fields, follow_redirects=True)

    def uses_session(self, path: str) -> bool:
        """Whether the application looks at the session to show that page."""
        interface = self.app.session_interface
        with patch.object(interface, "save_session", wraps=interface.save_session) as save:
            assert self.get(path).status_code == 200
        _, session, _ = save.call_args.args
        return bool(session.accessed)

    def log_in(
        self, name: str = "alice", password: str | None = None, **fields: str
    ) -> TestResponse:
        """Send the login form, with the right password and no box ticked unless one is given."""
        password = PASSWORDS[name] if password is None else password
        return self.post("/login", username=name, password=password, **fields)

    def logged_in(self, name: str = "alice", **fields: str) -> Self:
        assert self.log_in(name, **fields).status_code < 400
        return self

    @property
    def is_in(self) -> bool:
        """Whether the application shows this visitor a page that needs a login."""
        return self.get("/dashboard").status_code == 200

    @property
    def cookie_name(self) -> str:
        return str(self.app.config["SESSION_COOKIE_NAME"])

    @property
    def token(self) -> str:
        """The token in the cookie, of which there must be one."""
        token = self.cookie(self.cookie_name)
        assert token is not None
        return token

    @property
    def has_token(self) -> bool:
        return self.cookie(self.cookie_name) is not None

    def cookie(self, name: str) -> str | None:
        """The value of a cookie, or `None`."""
        cookie = self.client.get_cookie(name)
        return cookie.value if cookie else None

    def session(self) -> dict[str, Any]:
        """What the session holds."""
        with self.client.session_transaction() as session:
            return dict(session)
