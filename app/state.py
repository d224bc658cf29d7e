"""What the application keeps for as long as its process runs, beside Flask's own."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Flask

from app.inspector.traffic import TrafficRecorder
from backends.store import Clock

View = Callable[..., Any]


@dataclass
class SessionLab:
    """The state of one application, in its `extensions`."""

    clock: Clock
    mounted: dict[str, Flask] = field(default_factory=dict)
    """The application of each backend, by its name, where all are side by side."""
    kept_tokens: OrderedDict[str, str] = field(default_factory=OrderedDict)
    """Tokens from before a logout, by the handle that the browser has."""
    traffic: TrafficRecorder = field(init=False)
    limit_wrong_passwords: Callable[[View], View] = field(init=False)


def add_state(app: Flask, clock: Clock) -> None:
    app.extensions["session_lab"] = SessionLab(clock)


def state_of(app: Flask) -> SessionLab:
    """The state of the application."""
    state: SessionLab = app.extensions["session_lab"]
    return state
