"""What an application does to rotate a token."""

from typing import Any

from flask import current_app, session


def rotate() -> None:
    """Inside a view: let the session at hand keep its data and take another token."""
    interface: Any = current_app.session_interface
    interface.regenerate(session)
