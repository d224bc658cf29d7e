"""A browser at an application whose one view does what the test says."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, session
from flask.testing import FlaskClient

MakeApp = Callable[..., Flask]
Act = Callable[[], Any]
HOST = "https://shop.example.com"


class Stage:
    """A browser at an application whose one view does what the test says."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client: FlaskClient = app.test_client()
        self.result: Any = None
        """What the last act returned."""
        self._act: Act = lambda: None
        app.add_url_rule("/", view_func=self._view)
        app.add_url_rule("/<path:_>", view_func=self._view)

    @property
    def token(self) -> str:
        """The session's cookie, as the browser has it now."""
        cookie = self.client.get_cookie("session", "shop.example.com")
        assert cookie is not None
        return cookie.value

    @token.setter
    def token(self, token: str) -> None:
        self.client.set_cookie("session", token, domain="shop.example.com")

    def open_another_browser(self) -> None:
        """The next visits are a stranger's."""
        self.client = self.app.test_client()

    def _view(self, _: str = "") -> Any:
        self.result = self._act()
        return self.result if isinstance(self.result, Response | str) else "done"

    def visit(self, act: Act = lambda: None, path: str = "/") -> Any:
        """One request, in whose view `act` is called. The response."""
        self._act = act
        return self.client.get(path, base_url=HOST)

    def put(self, **values: Any) -> Any:
        return self.visit(lambda: session.update(values))

    def held(self) -> dict[str, Any]:
        """The session as the next request finds it."""
        self.visit(lambda: dict(session))
        found: dict[str, Any] = self.result
        return found


def begin_anew(**values: Any) -> None:
    """The login of Flask's tutorial: clear and set."""
    session.clear()
    session.update(values)


def set_cookie(response: Any) -> str | None:
    """The one Set-Cookie of a response, or `None` without any."""
    headers = response.headers.getlist("Set-Cookie")
    assert len(headers) <= 1
    return headers[0] if headers else None


def attributes(response: Any) -> dict[str, str]:
    """The attributes of its Set-Cookie; a flag has the value ''."""
    header = set_cookie(response)
    assert header is not None
    return parse_attributes(header.partition("; ")[2])


def parse_attributes(text: str) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in text.split("; "))
