"""What happens to sessions, for whoever has to watch: one log record for each event.

The records go to the logger `backends.audit_log` with their details in `record.event`. A session is
named by a keyed hash, so that one session's events can be found and no token can be made of them
(OWASP Session Management Cheat Sheet, logging; ASVS 5.0, 16.2.5).
"""

import hmac
import logging
from hashlib import sha256
from typing import Any

from flask import Flask
from itsdangerous import want_bytes

from backends.store import key_of

logger = logging.getLogger(__name__)

NAME_LENGTH = 16
"""Hexadecimal digits of a session's name in the log."""


def report(app: Flask, event: str, session_id: str | None = None, **details: Any) -> None:
    """Log one event of the session with that id, if it is one of a session."""
    if session_id is not None:
        details = {"session": name_of_session(app, session_id), **details}
    logger.info("%s", event, extra={"event": {"event": event, **details}})


def name_of_session(app: Flask, session_id: str) -> str:
    """What stands for a session in the log."""
    return name_of_key(app, key_of(session_id))


def name_of_key(app: Flask, key: str) -> str:
    """The same for who has only the key that the store files the session under."""
    secret = want_bytes(app.secret_key or "")
    return hmac.new(secret, key.encode(), sha256).hexdigest()[:NAME_LENGTH]
