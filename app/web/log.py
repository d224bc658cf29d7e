"""The log: one line on standard error for each event of a session or login.

In production a line is one JSON object; in development it is text for people. Neither holds a
token, a session's id or a password (OWASP ASVS 5.0, 16.2.5).
"""

import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, TextIO, cast

from flask import Flask, Response, current_app, g, request, request_finished, session
from flask.logging import wsgi_errors_stream

from app.config import PRODUCTION
from backends import audit_log, id_of
from backends.audit_log import log_event
from backends.commands.output import escape_unprintable

LOGGERS = ("app", "backends")
"""The loggers whose records are written: the application's and the backends'."""


def init_app(app: Flask, loggers: Iterable[str] = LOGGERS) -> None:
    """Write the log in the format of the profile.

    All applications of a process share one handler, so no line is written twice. Records still
    reach the root logger.
    """
    handler = _handler()
    handler.setFormatter(
        JsonFormatter() if app.config["APP_PROFILE"] == PRODUCTION else TextFormatter()
    )
    for name in (*LOGGERS, audit_log.logger.name):
        logging.getLogger(name).removeHandler(handler)  # else a record has two ways to it
    for name in loggers:
        logging.getLogger(name).addHandler(handler)
    logging.getLogger("backends").setLevel(logging.INFO)
    request_finished.connect(_log_saved_events, app)


@cache
def _handler() -> logging.Handler:
    """The one handler of the process."""
    return logging.StreamHandler(cast(TextIO, wsgi_errors_stream))


def log_visitor_event(event: str, **details: Any) -> None:
    """Log an event of the current request, with its address."""
    log_event(current_app, event, **details, address=request.remote_addr)


def log_if_saved(event: str, **details: Any) -> None:
    """Log an event of the current session once the session is saved.

    A session is saved after the view returns: a login or logout that the store refused did not
    happen, and must not be in the log.
    """
    session_id = id_of(session)
    details = {**details, "address": request.remote_addr}
    g.setdefault("events_if_saved", []).append((event, session_id, details))


def _log_saved_events(app: Flask, response: Response) -> None:
    events = g.pop("events_if_saved", [])
    if response.status_code < 400:
        for event, session_id, details in events:
            log_event(app, event, session_id, **details)


class JsonFormatter(logging.Formatter):
    """One JSON object a line, in ASCII, so that no input can start a new line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"time": _time(record), "level": record.levelname, **_details(record)}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """One line of text, and the traceback of a failure. Control characters are escaped."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        details = _details(record)
        what = details.pop("event", None) or details.pop("message")
        values = [f"{name}={json.dumps(value, default=str)}" for name, value in details.items()]
        # A message can hold a path of the visitor's, as Flask's of a failure does.
        return " ".join([_time(record), record.levelname, _one_line(what), *values])

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own name
        return escape_unprintable(super().formatException(ei))


def _details(record: logging.LogRecord) -> dict[str, Any]:
    """The details of an event, or the message of any other record."""
    event: dict[str, Any] | None = getattr(record, "event", None)
    return dict(event) if event else {"message": record.getMessage(), "logger": record.name}


def _one_line(text: str) -> str:
    return escape_unprintable(text).replace("\n", "\\n")


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


@contextmanager
def log_disabled(level: int = logging.CRITICAL) -> Iterator[None]:
    """Log nothing up to this level, by any logger, in this block."""
    before = logging.root.manager.disable
    logging.disable(level)
    try:
        yield
    finally:
        logging.disable(before)
