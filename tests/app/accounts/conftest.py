"""What the tests of accounts and their sessions share."""

import pytest
from flask import Flask

from backends import lister_of
from tests.support.visitor import Visitor


@pytest.fixture
def phone(lab_app: Flask) -> Visitor:
    """Where alice is logged in, too."""
    return Visitor(lab_app).logged_in()


def find_handles(app: Flask, user: str = "alice") -> list[str]:
    """Of the user's sessions, the newest first."""
    interface = lister_of(app)
    return [listed.handle for listed in interface.sessions_of(user)] if interface else []
