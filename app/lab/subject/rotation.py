"""What an application does to rotate a token, where its backend can."""

from typing import Any

from flask import current_app, session

from app.lab.subject.application import Subject


def can_rotate(subject: Subject) -> bool:
    """Whether its sessions have what `rotate` calls; Flask's own have not."""
    return hasattr(subject.app.session_interface, "regenerate")


def rotate() -> None:
    """Inside a view: let the session at hand keep its data and take another token."""
    interface: Any = current_app.session_interface
    interface.regenerate(session)
