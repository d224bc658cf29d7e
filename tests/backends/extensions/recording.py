"""A script of requests, and the answers that an application gives to them."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import time_machine
from flask import Flask
from flask.testing import FlaskClient
from flask_socketio import SocketIO
from flask_socketio.test_client import SocketIOTestClient
from werkzeug.test import TestResponse

from tests.support.bare import make_plain

START = 1_800_000_000
"""When each recording begins: with the clock at a standstill, all dates in it are the same."""

IGNORED_HEADERS = {"content-length", "set-cookie"}
"""The body and the cookies are parts of their own."""

CSRF_TOKEN = re.compile(r"I[\w-]{55}\.[\w-]{5,7}\.[\w-]{27}")
"""As it is sent: the secret as JSON in Base64, the time, an HMAC-SHA-1."""
CSRF_SECRET = re.compile(r"\b[0-9a-f]{40}\b")
"""As it is stored in the session."""

Answer = dict[str, str]
"""The parts of an answer by name: status, body, cookies, and each header."""


class Mask:
    """Replaces random values by numbers, in the order in which they appear.

    A value that appears twice has one number: a token that was made anew shows.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def apply(self, text: str) -> str:
        for pattern in (CSRF_TOKEN, CSRF_SECRET):
            text = pattern.sub(self._name, text)
        return text

    def _name(self, found: re.Match[str]) -> str:
        return f"<random {self._numbers.setdefault(found[0], len(self._numbers) + 1)}>"


@dataclass
class Recording:
    """A browser at an application, and the answers that it got, by the label of the step."""

    app: Flask
    _clock: "time_machine.Traveller"
    _mask: Mask = field(default_factory=Mask)
    answers: dict[str, Answer] = field(default_factory=dict)
    body: str = ""
    """The last one, as it was sent."""

    def __post_init__(self) -> None:
        self.client: FlaskClient = self.app.test_client()

    def other(self) -> Self:
        """Another browser, whose answers are recorded here too."""
        return type(self)(self.app, self._clock, self._mask, self.answers)

    def get(self, label: str, path: str, **options: Any) -> TestResponse:
        return self.send(label, "GET", path, **options)

    def post(self, label: str, path: str, **options: Any) -> TestResponse:
        return self.send(label, "POST", path, **options)

    def send(self, label: str, method: str, path: str, **options: Any) -> TestResponse:
        """Send a request; every answer to a scenario has a label of its own."""
        response = self.client.open(path, method=method, **options)
        self.body = response.text
        self._add(label, self._read(response))
        return response

    def wait(self, days: int) -> None:
        """Move the clock."""
        self._clock.shift(days * 86_400)

    def close(self) -> None:
        """Close the browser, which forgets the session's cookie."""
        assert self.client.get_cookie("session") is not None
        self.client.delete_cookie("session")

    def connect(self) -> SocketIOTestClient:
        """A Socket.IO client that has the cookies of this browser."""
        socketio: SocketIO = self.app.extensions["socketio"]
        return SocketIOTestClient(self.app, socketio, flask_test_client=self.client)

    def emit(self, label: str, socket: SocketIOTestClient, event: str, *args: Any) -> None:
        """Send an event; what its handler returns is the body of the answer."""
        result = socket.emit(event, *args, callback=True)
        self._add(label, {"body": self._mask.apply(json.dumps(result, sort_keys=True))})

    def _add(self, label: str, answer: Answer) -> None:
        assert label not in self.answers, f"two steps are labelled {label!r}"
        self.answers[label] = answer

    def _read(self, response: TestResponse) -> Answer:
        names = dict.fromkeys(name.title() for name, _ in response.headers)
        headers = {
            name: ", ".join(response.headers.getlist(name))
            for name in names
            if name.lower() not in IGNORED_HEADERS
        }
        cookies = map(self._describe_cookie, response.headers.getlist("Set-Cookie"))
        return {
            "status": response.status,
            "body": self._mask.apply(self.body),
            "cookies": "\n".join(cookies),
            **headers,
        }

    def _describe_cookie(self, header: str) -> str:
        """A Set-Cookie without the value of a session that begins or goes on."""
        name = self.app.config["SESSION_COOKIE_NAME"]
        return re.sub(f"^{re.escape(name)}=[^;]+", f"{name}=…", header)


@dataclass(frozen=True)
class Scenario:
    """An application, and what a browser asks of it."""

    name: str
    build: Callable[[Flask], object]
    """Adds the extension and the views."""
    play: Callable[[Recording], object]
    config: Mapping[str, Any] = field(default_factory=dict)

    def record(self, install: Callable[[Flask], object]) -> dict[str, Answer]:
        """The answers of the application with the sessions that `install` gives it."""
        with time_machine.travel(START, tick=False) as clock:
            app = make_plain(**self.config)
            install(app)
            self.build(app)
            recording = Recording(app, clock)
            self.play(recording)
        return recording.answers
