"""Session Lab: one login and dashboard on the session backend that you choose."""

from collections.abc import Mapping
from typing import Any

from flask import Flask

from backends.store import Clock, wall_clock


def create_app(config: Mapping[str, Any] | None = None, clock: Clock = wall_clock) -> Flask:
    """The application on one backend, or all of them side by side where none is chosen.

    `config` takes the names of `app.config.VARIABLES`, before the environment, and Flask's own.
    `clock` decides every limit of a session.
    Raises `ConfigurationError` with one line for an invalid setting.
    """
    from app.factory import build_app  # here: a command without an application does not load it

    return build_app(config, clock)
