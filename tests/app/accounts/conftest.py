"""What the tests of pages with lists of sessions share."""

import pytest
from flask import Flask

from app.accounts.sessions import find_sessions
from backends import BACKENDS

on_a_list = pytest.mark.parametrize(
    "placed",
    [(BACKENDS["filesystem"], "real"), (BACKENDS["redis"], "real")],
    indirect=True,
    ids=["filesystem", "redis"],
)


def find_handles(app: Flask, user: str = "alice") -> list[str]:
    """Of the user's sessions, the newest first."""
    with app.app_context():
        return [listed.handle for listed in find_sessions(user)]
