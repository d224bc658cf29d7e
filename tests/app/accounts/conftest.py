"""What the tests of pages with lists of sessions share."""

from flask import Flask

from app.accounts.sessions import find_sessions


def find_handles(app: Flask, user: str = "alice") -> list[str]:
    """Of the user's sessions, the newest first."""
    with app.app_context():
        return [listed.handle for listed in find_sessions(user)]
