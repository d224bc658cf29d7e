"""The log: what happens to sessions and logins, one line for each event, on standard error.

In production a line is one JSON object, for the machine that collects it; in development it is
made to be read. Neither holds a token, a session's id or a password (OWASP ASVS 5.0, 16.2.5).
"""

import json
import logging
from datetime import UTC, datetime
from functools import cache
from typing import Any, TextIO, cast

from flask import Flask, Response, current_app, g, request, request_finished, session
from flask.logging import wsgi_errors_stream

from app.config import PRODUCTION
from backends.events import report

LOGGERS = ("app", "backends")
"""Whose records are written: Flask's own of this application, and everything of the backends."""


def init_app(app: Flask) -> None:
    """Write the log in the form of this profile.

    Every application of a process shares the one handler, so no line is written twice. Records
    still reach the root logger, for whoever listens there.
    """
    handler = _handler()
    handler.setFormatter(AsJson() if app.config["APP_PROFILE"] == PRODUCTION else AsText())
    for name in LOGGERS:
        logging.getLogger(name).addHandler(handler)
    logging.getLogger("backends").setLevel(logging.INFO)
    request_finished.connect(_report_kept, app)


@cache
def _handler() -> logging.Handler:
    """The one handler of the process."""
    return logging.StreamHandler(cast(TextIO, wsgi_errors_stream))


def report_visit(event: str, **details: Any) -> None:
    """Log one event of the visitor at hand, with his address."""
    report(current_app, event, **details, address=request.remote_addr)


def report_if_kept(event: str, **details: Any) -> None:
    """Log one event of the session at hand when the answer stands.

    A session is written after the view has answered: a login or logout that its store refused has
    not happened, and must not be in the log.
    """
    session_id = getattr(session, "sid", None)
    details = {**details, "address": request.remote_addr}
    g.setdefault("events_if_kept", []).append((event, session_id, details))


def _report_kept(app: Flask, response: Response) -> None:
    events = g.pop("events_if_kept", [])
    if response.status_code < 400:
        for event, session_id, details in events:
            report(app, event, session_id, **details)


class AsJson(logging.Formatter):
    """One JSON object a line, in ASCII: nothing that a visitor sent can begin a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"time": _time(record), "level": record.levelname, **_details(record)}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class AsText(logging.Formatter):
    """One line for people. Values stand in quotes, with their control characters escaped."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        details = _details(record)
        what = details.pop("event", None) or details.pop("message")
        values = [f"{name}={json.dumps(value, default=str)}" for name, value in details.items()]
        return " ".join([_time(record), record.levelname, what, *values])


def _details(record: logging.LogRecord) -> dict[str, Any]:
    """What happened: the event's own details, or the message of any other record."""
    event: dict[str, Any] | None = getattr(record, "event", None)
    return dict(event) if event else {"message": record.getMessage(), "logger": record.name}


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
