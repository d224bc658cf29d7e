"""Sensitive changes need a password that was given a short while ago (OWASP ASVS 5.0, 7.5.1)."""

from flask import current_app, session

CONFIRMED_FOR = 5 * 60
"""Seconds for which a given password counts."""


def mark_confirmed() -> None:
    """Note in the session that its owner has just given the password."""
    session["confirmed_at"] = int(current_app.extensions["clock"]())


def is_confirmed() -> bool:
    """Whether the password of this session's account was given a short while ago."""
    age = current_app.extensions["clock"]() - session.get("confirmed_at", 0)
    return bool(age < CONFIRMED_FOR)
