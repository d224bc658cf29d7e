"""The audit log: one record for each event in the life of a session.

The records go to the logger `backends.audit_log` with their details in `record.event`. A keyed hash
names the session: its events can be found together, and no token can be made of the name
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


def log_event(
    app: Flask,
    event: str,
    session_id: str | None = None,
    follows: str | None = None,
    **details: Any,
) -> None:
    """Log an event, of the session with this id if one is given.

    `follows` is the id of the session that it takes the place of.
    """
    if not logger.isEnabledFor(logging.INFO):
        return  # naming a session costs more than all else here
    if session_id is not None:
        details = {"session": name_of_session(app, session_id), **details}
    if follows is not None:
        details["follows"] = name_of_session(app, follows)
    logger.info("%s", event, extra={"event": {"event": event, **details}})


def name_of_session(app: Flask, session_id: str) -> str:
    """The name in the log of the session with this id."""
    return name_of_key(app, key_of(session_id))


def name_of_key(app: Flask, key: str) -> str:
    """The name in the log of the session that the store files under this key."""
    secret = want_bytes(app.secret_key or "")
    return hmac.new(secret, key.encode(), sha256).hexdigest()[:NAME_LENGTH]
